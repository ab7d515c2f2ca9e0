"""What becomes of events: how soon they are told, and what that costs."""

import os
import signal
import time
from statistics import median

from . import load, process
from .contenders import Skep
from .follow import Crowd, Latency, percentile
from .process import Failure

CLIENTS = 5000

# events to all of them, a round
TOLD = 5

# connections of GETs beside them
WATCHED = 8

# p99 in milliseconds; rates against others; KB; seconds; times the p99
STREAM_BAR = 20
WEBHOOK_BAR = 50
WORKER_BAR = 0.5
REDIS_BAR = 0.9
CLIENT_BAR = 10
ALL_BAR = 1
GET_BAR = 2

# what runs beside nginx while tasks are created
CELLS = {
    'both': ('Redis, worker', True, True),
    'sweep': ('worker alone, which sweeps', False, True),
    'publish': ('Redis alone', True, False),
    'none': ('neither', False, False),
}

WORKER = """
pg = host=%(sockets)s dbname=skep user=skep_worker
pg_password_file = %(secrets)s/password
redis = unix:%(redis)s
http = off
webhook_allow_http = on
webhook_allow_address = 127.0.0.1
"""

PEOPLE = """
CREATE TABLE bench.crowd AS
SELECT bench.uuid7(now()) AS id, n FROM generate_series(1, %(n)d) AS n;

INSERT INTO auth.users (id, email, name, password_hash)
SELECT id, 'crowd' || n || '@example.org', 'One of ' || n, '$2b$10$none'
  FROM bench.crowd;

INSERT INTO task.projects (id, owner_id, name)
SELECT bench.uuid7(now()), id, 'All' FROM bench.crowd WHERE n = 1;

INSERT INTO task.members (project_id, user_id, role)
SELECT p.id, c.id,
       (CASE c.n WHEN 1 THEN 'owner' ELSE 'viewer' END)::task.role
  FROM bench.crowd c, task.projects p WHERE p.name = 'All';

ANALYZE
"""


class Told(Skep):
    """Skep with all that tells of events."""

    connections = 8192

    def launch(self):
        self.main = 'worker_rlimit_nofile 16384;'
        # as in conf/nginx.conf
        self.http = ('    client_header_buffer_size 2k;\n'
                     '    request_pool_size 7k;\n'
                     '    api_redis unix:%s;\n    notify_stream skep;\n'
                     '    notify_webhook_http on;\n'
                     '    notify_webhook_allow_address 127.0.0.1;\n'
                     % self.bench.events.socket)
        self.limits = 'notify_api on;'
        super().launch()


class Events:

    def __init__(self, bench, say):
        self.bench = bench
        self.say = say
        self.redis = self.worker = None
        self.found = {'latency': [], 'cells': [], 'crowd': []}

    # before

    def prepare(self):
        cluster = self.bench.cluster
        self.socket = os.path.join(cluster.sockets, 'redis-events')
        self.state = os.path.join(self.bench.state, 'events')
        os.makedirs(self.state)

        # the outbox is made for it; restore() vacuums nothing of this
        cluster.sql('ALTER SYSTEM SET autovacuum = on')
        cluster.sql('SELECT pg_reload_conf()',
                    "ALTER ROLE skep_worker LOGIN PASSWORD '%s'"
                    % cluster.password)
        cluster.psql('-c', PEOPLE % {'n': CLIENTS})

        self.people = [row[0] for row in cluster.rows(
            'SELECT id FROM bench.crowd ORDER BY n')]
        self.user = cluster.rows('SELECT user_id FROM bench.samples'
                                 ' WHERE n = 1')[0][0]
        self.conf = os.path.join(self.state, 'worker.conf')

        with open(self.conf, 'w') as f:
            f.write(WORKER % {'sockets': cluster.sockets, 'redis': self.socket,
                              'secrets': self.bench.secrets})

        self.start_redis()
        self.server = Told('events', self.bench)
        self.server.start()

    # what runs

    def start_redis(self):
        if self.redis:
            return

        self.redis = process.start(
            'redis', ['redis-server', '--port', '0', '--unixsocket',
                      self.socket, '--unixsocketperm', '777', '--save', '',
                      '--dir', self.state],
            os.path.join(self.state, 'redis.log'))
        process.wait_for('redis', lambda: os.path.exists(self.socket))

    def start_worker(self):
        if self.worker:
            return

        self.worker = process.start(
            'worker', [os.path.join(self.bench.build, 'skep-worker'), '-c',
                       self.conf],
            os.path.join(self.state, 'worker.log'))

    def stop(self, name):
        running = getattr(self, name)

        if running:
            running.send_signal(signal.SIGTERM)
            running.wait(40)
            process.started.remove(running)
            setattr(self, name, None)

    def arrange(self, redis, worker):
        """Nothing is left of before, and these run."""

        self.stop('worker')
        if not redis:
            self.stop('redis')
            if os.path.exists(self.socket):
                os.unlink(self.socket)
        else:
            self.start_redis()

        self.bench.cluster.sql(
            'TRUNCATE notify.inbox, notify.deliveries, notify.mails,'
            ' notify.events, notify.webhooks')
        self.bench.cluster.settle('create')

        if worker:
            self.start_worker()

        # they find each other again within a second or two
        time.sleep(2.5)

    def waiting(self):
        return int(self.bench.cluster.rows(
            'SELECT count(*) FROM notify.outbox')[0][0])

    def drained(self, seconds=120):
        process.wait_for('the end of the outbox', lambda: not self.waiting(),
                         seconds)

    # the measurements

    def measure(self):
        others, start = process.others(), time.monotonic()
        rounds = self.bench.options.rounds

        for n in range(rounds):
            self.measure_latency()
            self.measure_cells(n, rounds)

        self.measure_crowd()
        self.stop('worker')
        self.found['others'] = ((process.others() - others)
                                / (time.monotonic() - start) / os.cpu_count())

        return self.found

    def measure_latency(self):
        self.arrange(True, True)
        token = self.bench.token(self.user)

        def register(url):
            self.server.fetch('POST', '/v1/webhooks', token,
                              {'url': url, 'events': ['task.created']})

        found = Latency(self.server, token).run(self.bench.options.seconds,
                                                register)
        self.found['latency'].append(found)
        self.say('latency: p99 %.1f ms to the stream, %.1f ms to the webhook'
                 % tuple(percentile(found[what]['sent'], 0.99) * 1e3
                         for what in ('stream', 'webhook')))

    def measure_cells(self, n, rounds):
        """Tasks are created as fast as it goes; what is told of meanwhile."""

        self.found['cells'].append({})

        for name, (what, redis, worker) in CELLS.items():
            self.arrange(redis, worker)
            outcome = load.wrk(self.bench, self.server,
                               self.bench.request_file('create'),
                               self.bench.options.seconds)
            left, written = self.waiting(), outcome['requests']
            outcome['told'] = max(0, 1 - left / written) if worker else 0

            # the worker by itself, with what has piled up
            if name == 'publish':
                start = time.monotonic()
                self.start_worker()
                self.drained()
                outcome['drain'] = left / (time.monotonic() - start)
            elif worker:
                self.drained()

            process.check_alive()
            self.found['cells'][-1][name] = outcome
            self.say('create, round %d of %d: %8.0f/s with %s, %.0f %% told'
                     ' of meanwhile' % (n + 1, rounds, outcome['rate'], what,
                                        outcome['told'] * 100))

    def measure_crowd(self):
        self.arrange(True, True)
        bench, seconds = self.bench, self.bench.options.seconds
        gets = bench.request_file('get')
        tokens = [bench.token(person) for person in self.people]
        project = bench.cluster.rows(
            "SELECT id FROM task.projects WHERE name = 'All'")[0][0]

        def create():
            self.server.fetch('POST', '/v1/tasks', tokens[0],
                              {'title': 'For all', 'project_id': project})

        load.wrk(bench, self.server, gets, 1, WATCHED)

        # the tokens are known, and in shared memory: no stream's is this

        known = os.path.join(self.state, 'known')
        with open(known, 'w') as f:
            for token in tokens:
                f.write('GET\t/v1/me\t%s\t\n' % token)
        load.wrk(bench, self.server, known, 3)

        for n in range(min(3, bench.options.rounds)):
            alone = load.wrk(bench, self.server, gets, seconds, WATCHED)
            empty = self.server.memory()
            crowd = Crowd(self.server, tokens)
            full = self.server.memory()
            beside = load.wrk(bench, self.server, gets, seconds, WATCHED)
            told = [crowd.told(create) for unused in range(TOLD)]
            after = self.server.memory()
            crowd.close()
            time.sleep(1)

            self.found['crowd'].append({
                'alone': alone, 'beside': beside, 'told': told,
                'memory': (full - empty) / CLIENTS,
                'memory_after': (after - empty) / CLIENTS})
            self.say('%d clients: %.1f KB each, %.2f s until all know, p99 of a'
                     ' get %.2f ms, %.2f ms without them' % (
                         CLIENTS, (full - empty) / CLIENTS / 1024,
                         max(t['sent'] for t in told), beside['p99'] / 1e3,
                         alone['p99'] / 1e3))


# the report

def merged(found, what, since):
    return [x for one in found['latency'] for x in one[what][since]]


def bars(found):
    """(what, bar, measured, met) of each bar."""

    rows = []

    for what, bar, title in (('stream', STREAM_BAR, 'a client of the stream'),
                             ('webhook', WEBHOOK_BAR, "a webhook's receiver")):
        p99 = percentile(merged(found, what, 'sent'), 0.99) * 1e3
        rows.append(('p99 from a POST to %s' % title, 'under %d ms' % bar,
                     '%.1f ms' % p99, p99 < bar))

    cells = found['cells']
    kept = median(r['both']['told'] for r in cells)
    rows.append(('events told of while `POST /v1/tasks` writes them',
                 'at least %g x' % WORKER_BAR, '%.2f x' % kept,
                 kept >= WORKER_BAR))

    ratio = median(r['both']['rate'] / r['sweep']['rate'] for r in cells)
    rows.append(('`POST /v1/tasks` with events flowing, against Redis stopped',
                 'at least %g x' % REDIS_BAR, '%.2f x' % ratio,
                 ratio >= REDIS_BAR))

    crowd = found['crowd']
    memory = max(max(r['memory'], r['memory_after']) for r in crowd) / 1024
    rows.append(('nginx\'s memory for each of %d clients of the stream'
                 % CLIENTS, 'under %d KB' % CLIENT_BAR, '%.1f KB' % memory,
                 memory < CLIENT_BAR))

    told = max(t['sent'] for r in crowd for t in r['told'])
    rows.append(('an event to all of them', 'within %d s' % ALL_BAR,
                 '%.2f s' % told, told < ALL_BAR))

    times = median(r['beside']['p99'] / r['alone']['p99'] for r in crowd)
    rows.append(('p99 of a GET beside them, against none',
                 'at most %d x' % GET_BAR, '%.2f x' % times, times <= GET_BAR))

    return rows


def latency(found):
    rows = [['', 'samples', 'p50 ms', 'p99 ms', 'after the answer: p50 ms',
             'p99 ms']]

    for what, title in (('stream', 'to a client of the stream'),
                        ('webhook', "to a webhook's receiver")):
        sent, answered = (merged(found, what, since)
                          for since in ('sent', 'answered'))
        rows.append([title, str(len(sent))]
                    + ['%.2f' % (percentile(values, share) * 1e3)
                       for values in (sent, answered)
                       for share in (0.5, 0.99)])

    return rows


def cells(found):
    rows = [['', 'POST/s', 'p50 ms', 'p99 ms', 'told of meanwhile']]

    for name, (title, unused, worker) in CELLS.items():
        runs = [r[name] for r in found['cells']]
        rows.append([title, '%.0f' % median(r['rate'] for r in runs),
                     '%.2f' % (median(r['p50'] for r in runs) / 1e3),
                     '%.2f' % (median(r['p99'] for r in runs) / 1e3),
                     '%.0f %%' % (median(r['told'] for r in runs) * 100)
                     if worker else ''])

    return rows


def crowd(found):
    runs = found['crowd']
    rows = [['', 'GET/s', 'p50 ms', 'p99 ms']]

    for key, title in (('alone', 'no client of the stream'),
                       ('beside', '%d clients' % CLIENTS)):
        rows.append([title, '%.0f' % median(r[key]['rate'] for r in runs),
                     '%.2f' % (median(r[key]['p50'] for r in runs) / 1e3),
                     '%.2f' % (median(r[key]['p99'] for r in runs) / 1e3)])

    return rows


def note(found):
    drains = [r['publish']['drain'] for r in found['cells']]
    told = [t['sent'] for r in found['crowd'] for t in r['told']]

    return ('With nothing else to do the worker tells of %.0f events per'
            ' second. An event to %d clients, a row in the inbox of each, is'
            ' with all of them after %.2f s, at most %.2f s. Processes that are'
            ' not part of the bench took %.0f %% of the processors meanwhile.'
            % (median(drains), CLIENTS, median(told), max(told),
               max(0, found['others']) * 100))
