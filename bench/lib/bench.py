"""One run: the data, the servers, and the rounds."""

import base64
import fcntl
import hmac
import json
import os
import platform
import re
import secrets
import shutil
import subprocess
import sys
import time
import uuid

from . import cluster, contenders, events, load, million, process
from .process import Failure

# what the contenders compete in, and what only Skep does
COMPARED = ['get', 'list', 'create']
SCENARIOS = COMPARED + ['logins', 'events', 'million']

USERS = 20

LOGINS = 50        # at a time, while
WATCHED = 8        # connections get tasks

# the statement behind each scenario and what its parameters are; a name that
# load.py does not know is sent as NULL
STATEMENTS = {
    'get': ('task_get', ['user', 'task']),
    'list': ('task_list_few_created_at_desc',
             ['user', 'page', 'null', 'null']),
    'create': ('task_create',
               ['user', 'id', 'at', 'event', 'at', 'null', 'title',
                'description', 'todo', 'none', 'empty', 'null', 'null',
                'trace']),
}


def say(text):
    print('==> ' + text, file=sys.stderr, flush=True)


class Bench:

    def __init__(self, options):
        self.options = options
        self.root = os.environ.get('SKEP_ROOT') or os.path.dirname(
            os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        self.build = os.environ.get('SKEP_BUILD') or os.path.join(
            self.root, 'build')
        self.state = os.path.abspath(options.state or os.path.join(
            self.build, 'bench', 'state'))
        self.secrets = os.path.join(self.state, 'secrets')
        self.scenarios = [s for s in options.only if s in COMPARED]
        self.names = [n for n in contenders.ORDER + contenders.VARIANTS
                      if n == 'skep'
                      or self.scenarios and n in options.contenders]
        self.million = (million.Million(self, say)
                        if 'million' in options.only else None)
        self.events = (events.Events(self, say)
                       if 'events' in options.only else None)
        self.cluster = None
        self.servers = {}
        self.pgbench = {}
        self.samples = {}
        self.requests = {}
        self.results = {}
        self.notes = {}

    # before the rounds

    def prepare(self):
        load.check()
        self.make_state()

        say('PostgreSQL')
        self.cluster = cluster.Cluster(self.root, self.state)
        self.secret('password', self.cluster.password)
        self.cluster.start()
        self.cluster.migrate()

        if self.options.only != ['million']:
            self.prepare_contenders()
        if self.million:
            self.million.prepare()

    def prepare_contenders(self):
        self.read_statements()
        self.start('skep')
        say('data')
        tokens = self.register()
        self.cluster.load()
        self.write_requests(tokens)
        self.take_samples()

        for name in self.names:
            if name in contenders.SERVERS and name != 'skep':
                self.start(name)

        for name in ('rs256', 'es256'):
            if name in self.servers:
                self.write_tokens(name)

        self.compare()
        self.cluster.settle('create')

    def make_state(self):
        os.makedirs(os.path.dirname(self.state), exist_ok=True)

        self.lock = open(self.state + '.lock', 'w')
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure('another run is using ' + self.state)

        if os.path.exists(self.state):
            if not os.path.isdir(self.secrets):
                raise Failure('%s is in the way: it is no state of the bench'
                              % self.state)
            shutil.rmtree(self.state)

        os.makedirs(self.secrets)
        os.makedirs(os.path.join(self.build, 'bench'), exist_ok=True)

        for name in ('jwt', 'cursor'):
            self.secret(name, secrets.token_hex(32))

    def secret(self, name, text):
        path = os.path.join(self.secrets, name)

        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), 'w') as f:
            f.write(text + '\n')

    def read_statements(self):
        """Skep's own SQL; a peer's create is the same without the event."""

        mine = cluster.statements(self.root, self.state)
        self.sql = {scenario: mine[name]
                    for scenario, (name, unused) in STATEMENTS.items()}

        create = re.sub(r'\n, event AS \(\n.*?\n\)\n', '\n',
                        self.sql['create'], flags=re.S)
        create = re.sub(r'\n[^\n]*(?: AS _event_|JOIN event )[^\n]*', '',
                        create)

        if 'event' in create or create == self.sql['create']:
            raise Failure('the bench does not find the event in task_create')

        create = renumbered(create)

        with open(os.path.join(self.state, 'peers.json'), 'w') as f:
            json.dump(dict(self.sql, create=create), f)

    def peer_env(self, server):
        return dict(self.cluster.env,
                    BENCH_PORT=str(server.port),
                    BENCH_WORKERS=str(contenders.WORKERS),
                    BENCH_KEY=os.path.join(self.secrets, 'jwt'),
                    BENCH_SQL=os.path.join(self.state, 'peers.json'),
                    PGHOST=self.cluster.sockets, PGPORT='5432',
                    PGDATABASE='skep', PGUSER='skep_nginx',
                    PGAPPNAME=server.name)

    def start(self, name):
        say(contenders.TITLES[name])
        self.servers[name] = contenders.SERVERS[name](name, self)
        self.servers[name].start()

    def register(self):
        """Makes the users; returns {id: access token}."""

        tokens = {}

        for n in range(USERS):
            answer = self.servers['skep'].fetch(
                'POST', '/v1/auth/register', None,
                dict(account(n), name='User %d' % n)).body
            tokens[answer['user']['id']] = answer['access_token']

        return tokens

    def write_requests(self, tokens):
        """The requests of each scenario; the same in a file for wrk."""

        rows = self.cluster.rows('SELECT user_id, task_id, title, description'
                                 ' FROM bench.samples ORDER BY n')

        self.requests = {
            'get': [('GET', '/v1/tasks/' + task, tokens[user], None)
                    for user, task, title, description in rows],
            'list': [('GET', '/v1/tasks', token, None)
                     for token in tokens.values()],
            'create': [('POST', '/v1/tasks', tokens[user],
                        {'title': title, 'description': description})
                       for user, task, title, description in rows],
            'logins': [('POST', '/v1/auth/login', None, account(n))
                       for n in range(USERS)],
        }

        for scenario, requests in self.requests.items():
            with open(self.request_file(scenario), 'w') as f:
                for method, path, token, body in requests:
                    f.write('%s\t%s\t%s\t%s\n' % (
                        method, path, token or '',
                        json.dumps(body) if body else ''))

    def write_tokens(self, name):
        """The requests of "get" with tokens that this server signed."""

        signed = {}

        for n in range(USERS):
            answer = self.servers[name].fetch('POST', '/v1/auth/login', None,
                                              account(n)).body
            signed[answer['user']['id']] = answer['access_token']

        users = [user for user, *rest in self.cluster.rows(
            'SELECT user_id FROM bench.samples ORDER BY n')]

        with open(self.request_file('get', name), 'w') as f:
            for user, request in zip(users, self.requests['get']):
                f.write('%s\t%s\t%s\t\n' % (request[:2] + (signed[user],)))

    def token(self, user):
        """What a log-in would give (RFC 7519)."""

        def encoded(octets):
            return base64.urlsafe_b64encode(octets).rstrip(b'=')

        with open(os.path.join(self.secrets, 'jwt'), 'rb') as f:
            key = f.read().strip()

        now = int(time.time())
        text = b'.'.join(encoded(json.dumps(part).encode()) for part in (
            {'alg': 'HS256', 'typ': 'JWT', 'kid': 'hs'},
            {'iss': 'skep', 'aud': 'skep', 'sub': user, 'role': 'user',
             'sid': str(uuid.uuid4()), 'jti': str(uuid.uuid4()),
             'iat': now, 'nbf': now, 'exp': now + 86400}))
        signature = hmac.new(key, text, 'sha256').digest()

        return (text + b'.' + encoded(signature)).decode()

    def request_file(self, scenario, name=None):
        suffix = '-' + name if name in ('rs256', 'es256') else ''

        return os.path.join(self.state, 'requests-' + scenario + suffix)

    def competing(self, scenario):
        return [name for name in self.names
                if scenario == 'get' or name not in contenders.VARIANTS]

    def take_samples(self):
        """Skep's answer of middle length to each kind of request."""

        for scenario in COMPARED:
            texts = [self.servers['skep'].fetch(*request).text
                     for request in self.requests[scenario][:25]]
            texts.sort(key=len)
            self.samples[scenario] = texts[len(texts) // 2]

    def compare(self):
        """Every contender must answer what Skep answers."""

        for scenario in COMPARED:
            for request in self.requests[scenario][:10]:
                answers = {name: server.fetch(*request)
                           for name, server in self.servers.items()}
                mine = answers['skep']

                for name, theirs in answers.items():
                    if name == 'nginx':
                        same = theirs.text == self.samples[scenario]
                    else:
                        same = (alike(mine.body, theirs.body,
                                      scenario == 'create')
                                and mine.status == theirs.status)

                    if not same:
                        raise Failure(
                            '%s answers "%s" otherwise than Skep:\n%s\n%s'
                            % (name, scenario, mine, theirs))

    # the rounds

    def measure(self):
        if 'pgbench' in self.names:
            for scenario in self.scenarios:
                self.prepare_pgbench(scenario)

        for scenario in self.scenarios:
            self.results[scenario] = self.rounds(scenario)

        if 'logins' in self.options.only:
            self.results['logins'] = self.login_rounds()

        if self.events:
            self.events.prepare()
            self.results['events'] = self.events.measure()

        if self.million:
            self.results['million'] = self.million.measure()

    def prepare_pgbench(self, scenario):
        self.pgbench[scenario] = load.Pgbench(
            self, scenario, self.sql[scenario], STATEMENTS[scenario][1])

        rates = self.pgbench[scenario].find_best(
            min(3, self.options.seconds), lambda: self.cluster.settle(scenario))

        text = ', '.join('%d: %.0f/s' % item for item in rates.items())
        say('%s: pgbench by its clients: %s' % (scenario, text))
        self.notes[scenario] = ['pgbench ran with %d clients, its best (%s).' % (
            self.pgbench[scenario].clients, text)]

    def rounds(self, scenario):
        found = []

        for name in self.competing(scenario):
            if name in self.servers:
                load.wrk(self, self.servers[name],
                         self.request_file(scenario, name), 1)

        for n in range(self.options.rounds):
            found.append({})

            for name in self.competing(scenario):
                outcome = self.one(scenario, name)
                found[-1][name] = outcome
                say('%s, round %d of %d: %-8s %8.0f/s'
                    % (scenario, n + 1, self.options.rounds, name,
                       outcome['rate']))

        return found

    def one(self, scenario, name):
        server = self.servers.get(name)
        seconds = self.options.seconds

        self.cluster.settle(scenario)
        tasks, events = self.cluster.count()
        cpu = server.cpu() if server else 0
        database = self.cluster.cpu()
        others, start = process.others(), time.monotonic()

        if server:
            outcome = load.wrk(self, server,
                               self.request_file(scenario, name), seconds)
            outcome['server_cpu'] = ((server.cpu() - cpu)
                                     / outcome['requests'])
            outcome['memory'] = server.memory()
            outcome['backend_memory'] = process.memory(
                self.cluster.backends(name)) or None
        else:
            outcome = self.pgbench[scenario].run(seconds)

        if server and name != 'nginx':
            outcome['database_cpu'] = ((self.cluster.cpu() - database)
                                       / outcome['requests'])

        outcome['others'] = ((process.others() - others)
                             / (time.monotonic() - start) / os.cpu_count())
        process.check_alive()

        if scenario == 'create' and name != 'nginx':
            self.check_written(name, outcome['requests'], tasks, events)

        return outcome

    def check_written(self, name, requests, tasks, events):
        """What was acknowledged must be there, with its events."""

        now = self.cluster.count()

        if now[0] - tasks < requests:
            raise Failure('%s acknowledged %d tasks and wrote %d'
                          % (name, requests, now[0] - tasks))

        if name in ('skep', 'pgbench') and now[1] - events != now[0] - tasks:
            raise Failure('%s wrote %d tasks and %d events'
                          % (name, now[0] - tasks, now[1] - events))

    def login_rounds(self):
        skep = self.servers['skep']
        gets = self.request_file('get')
        seconds = self.options.seconds
        found = []

        self.cluster.settle('create')
        load.wrk(self, skep, gets, 1, WATCHED)

        for n in range(self.options.rounds):
            self.cluster.settle('get')
            without = load.wrk(self, skep, gets, seconds, WATCHED)

            log = os.path.join(self.state, 'logins-%d' % n)
            others = process.start('wrk', load.wrk_command(
                self, skep, self.request_file('logins'), seconds + 2, LOGINS),
                log)
            try:
                others.wait(1)
            except subprocess.TimeoutExpired:
                pass

            during = load.wrk(self, skep, gets, seconds, WATCHED)

            others.wait()
            process.started.remove(others)
            with open(log) as f:
                during['logins'] = load.wrk_outcome('skep', f.read())['rate']

            found.append({'without': without, 'with': during})
            say('logins, round %d of %d: p99 %.2f ms without, %.2f ms with'
                % (n + 1, self.options.rounds, without['p99'] / 1e3,
                   during['p99'] / 1e3))

        return found

    # after them

    def facts(self):
        o = self.options

        about = (
            '%d rounds of %d s for each contender, interleaved; medians of the'
            ' rounds, ratios too. wrk with %d connections on the same machine:'
            ' %d processors, %s. %s. See README.md for what this tells.' % (
                o.rounds, o.seconds, load.CONNECTIONS, os.cpu_count(),
                platform.system(), self.versions()))

        return {'about': about, 'contenders': self.names, 'notes': self.notes}

    def versions(self):
        def version(name, args):
            text = process.run(args)
            return name + ' ' + re.search(r'\d+(\.\d+)+', text).group()

        found = [
            version('nginx', [contenders.nginx(), '-v']),
            version('PostgreSQL', [os.path.join(self.cluster.bin, 'postgres'),
                                   '--version'])]

        if 'fastify' in self.names:
            found.append(version('Node.js', ['node', '--version']))
        if 'fastapi' in self.names:
            found.append(version('Python', ['/usr/bin/python3', '--version']))

        return ', '.join(found)

    def show(self):
        for name, server in self.servers.items():
            say('%-8s %s  process %d' % (name, server.url, server.process.pid))
        say('PGPASSFILE=%s psql -h %s -U postgres skep'
            % (self.cluster.passfile, self.cluster.sockets))
        say('requests for wrk: %s' % self.request_file('*'))
        say('Ctrl-C stops all')

    def close(self):
        if self.cluster:
            self.cluster.close()


def account(n):
    return {'email': 'user%d@example.org' % n,
            'password': 'a good password, number %d' % n}


def renumbered(sql):
    """The statement with its parameters numbered without gaps."""

    used = sorted({int(n) for n in re.findall(r'\$(\d+)', sql)})

    return re.sub(r'\$(\d+)', lambda m: '$%d' % (used.index(int(m[1])) + 1),
                  sql)


TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d')

# what differs between two tasks made of the same request
OWN = ('id', 'created_at', 'updated_at')


def alike(mine, theirs, made=False):
    """Whether two answers say the same.

    UTC is "Z" or "+00:00", and the fraction of a second may end in zeros; a
    cursor is the server's own."""

    if isinstance(mine, dict):
        return (isinstance(theirs, dict) and mine.keys() == theirs.keys()
                and all((made and key in OWN and type(mine[key])
                         is type(theirs[key]))
                        or (key == 'next_cursor'
                            and bool(mine[key]) == bool(theirs[key]))
                        or alike(mine[key], theirs[key], made)
                        for key in mine))

    if isinstance(mine, list):
        return (isinstance(theirs, list) and len(mine) == len(theirs)
                and all(alike(a, b, made) for a, b in zip(mine, theirs)))

    if isinstance(mine, str) and TIME.match(mine):
        return (isinstance(theirs, str)
                and plain_time(mine) == plain_time(theirs))

    return type(mine) is type(theirs) and mine == theirs


def plain_time(text):
    text = text.replace('+00:00', 'Z')
    return re.sub(r'(\.\d*?)0*Z$', r'\1Z', text).replace('.Z', 'Z')
