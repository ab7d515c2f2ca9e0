"""The servers that are compared, and pgbench.

All speak to the same database, by the same role, with two worker processes
and without an access log.
"""

import collections
import json
import os
import shutil
import signal
import urllib.error
import urllib.request

from . import process
from .process import Failure

WORKERS = 2

ORDER = ['skep', 'nginx', 'pgbench', 'fastify', 'fastapi']

# Skep otherwise configured; they only take part in "get"
VARIANTS = ['limit', 'limit-redis', 'rs256', 'es256']

TITLES = {
    'skep': 'Skep',
    'nginx': 'nginx `return`',
    'pgbench': 'pgbench',
    'fastify': 'Fastify + pg',
    'fastapi': 'FastAPI + asyncpg',
    'limit': 'Skep, rate limit',
    'limit-redis': 'Skep, rate limit in Redis',
    'rs256': 'Skep, RS256',
    'es256': 'Skep, ES256',
}

NGINX = """
daemon off;
worker_processes %(workers)d;
%(user)s
pid %(state)s/nginx.pid;
error_log %(state)s/error.log notice;
%(main)s

events {
    worker_connections %(connections)d;
}

http {
    access_log off;
    server_tokens off;
    keepalive_requests 100000000;
    client_body_temp_path %(state)s/body;
    proxy_temp_path %(state)s/proxy;
    fastcgi_temp_path %(state)s/fastcgi;
    uwsgi_temp_path %(state)s/uwsgi;
    scgi_temp_path %(state)s/scgi;
    default_type application/json;
    client_max_body_size 64k;
    client_body_buffer_size 64k;
%(http)s

    server {
        listen 127.0.0.1:%(port)d;
%(server)s
    }
}
"""

SKEP_MAIN = """
load_module %(modules)s/ngx_api_module.so;
load_module %(modules)s/ngx_auth_module.so;
load_module %(modules)s/ngx_task_module.so;
load_module %(modules)s/ngx_notify_module.so;

thread_pool hash threads=2 max_queue=64;
"""

SKEP_HTTP = """
    api_pg "%(conninfo)s";
    api_pg_password_file %(secrets)s/password;
    %(lanes)s
    api_secret_file %(secrets)s/cursor;
    %(keys)s
    auth_key HS256 %(secrets)s/jwt kid=hs;
    auth_access_ttl 24h;
    auth_thread_pool hash;
"""

SKEP_SERVER = """
        api_errors on;

        location / {
            api_health on;
            auth_token required;
            auth_api on;
            task_api on;
            %(limits)s
        }
"""

# never reached, but counted
ZONE = 'rate_limit_zone $auth_user zone=user:10m rate=1000000r/s%s;'
LIMIT = 'rate_limit zone=user burst=100000 nodelay;'

KEY_OPTIONS = {
    'RS256': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
    'ES256': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
}

RETURN_SERVER = """
        add_header ETag '"1"';
        add_header Cache-Control "private, no-cache";
        add_header X-Request-ID $request_id;
        add_header X-Content-Type-Options nosniff;

        location = /v1/tasks {
            if ($request_method = POST) {
                return 201 "%(create)s";
            }

            return 200 "%(list)s";
        }

        location / {
            return 200 "%(get)s";
        }
"""

# a token of the configuration file is at most 4 KB
TOKEN = 2000


def nginx():
    found = shutil.which('nginx', path=os.environ.get('PATH', '')
                         + ':/usr/sbin:/sbin')
    if not found:
        raise Failure('nginx is missing: install the package nginx')

    return found


Answer = collections.namedtuple('Answer', 'status text body')


class Server:
    """A contender that speaks HTTP."""

    connections = 1024

    def __init__(self, name, bench):
        self.name = name
        self.bench = bench
        self.port = process.free_port()
        self.url = 'http://127.0.0.1:%d' % self.port
        self.state = os.path.join(bench.state, name)
        self.log = os.path.join(self.state, 'log')
        os.makedirs(self.state, exist_ok=True)

    def start(self):
        self.launch()
        process.wait_for(self.name, self.ready)

    def ready(self):
        """It answers, be it that a token is missing."""

        try:
            urllib.request.urlopen(self.url + '/v1/tasks', timeout=10).close()
        except urllib.error.HTTPError as e:
            return e.code < 500
        except OSError:
            return False

        return True

    def fetch(self, method, path, token=None, body=None):
        """The Answer to one request."""

        headers = {}
        if token:
            headers['Authorization'] = 'Bearer ' + token
        if body is not None:
            headers['Content-Type'] = 'application/json'
            body = json.dumps(body).encode()

        request = urllib.request.Request(
            self.url + path, method=method, headers=headers, data=body)

        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read().decode()
                return Answer(answer.status, text, json.loads(text))
        except urllib.error.HTTPError as e:
            raise Failure('%s answers %s %s with %d:\n%s'
                          % (self.name, method, path, e.code,
                             e.read().decode(errors='replace')))
        except OSError as e:
            raise Failure('%s does not answer %s %s: %s'
                          % (self.name, method, path, e))

    def cpu(self):
        return process.cpu(self.process.pid)

    def memory(self):
        return process.memory(process.tree(self.process.pid))

    def nginx(self, main, http, server):
        conf = os.path.join(self.state, 'nginx.conf')

        with open(conf, 'w') as f:
            f.write(NGINX % {
                'workers': WORKERS, 'connections': self.connections,
                'state': self.state, 'port': self.port,
                'user': '' if os.getuid() else 'user www-data;',
                'main': main, 'http': http, 'server': server})

        return process.start(
            self.name, [nginx(), '-p', self.state, '-c', conf],
            self.log, stop=signal.SIGTERM)


class Skep(Server):
    main = keys = http = limits = ''

    def conninfo(self):
        return self.bench.cluster.conninfo(self.name)

    def launch(self):
        lanes = ''
        for lane in ('read', 'write'):
            n = getattr(self.bench.options, lane + '_connections')
            if n:
                lanes += 'api_pg_%s_connections %d; ' % (lane, n)

        self.process = self.nginx(
            SKEP_MAIN % {'modules': os.path.join(self.bench.build, 'modules')}
            + self.main,
            SKEP_HTTP % {'conninfo': self.conninfo(),
                         'secrets': self.bench.secrets, 'lanes': lanes,
                         'keys': self.keys} + self.http,
            SKEP_SERVER % {'limits': self.limits})


class Limited(Skep):
    """A limit for each user, counted in shared memory."""

    http = ZONE % ''
    limits = LIMIT


class LimitedByRedis(Skep):
    """The same, counted in Redis."""

    limits = LIMIT

    def launch(self):
        socket = os.path.join(self.bench.cluster.sockets, 'redis')

        self.redis = process.start(
            'redis', ['redis-server', '--port', '0', '--unixsocket', socket,
                      '--unixsocketperm', '777', '--save', '',
                      '--dir', self.state],
            self.log + '-redis')
        process.wait_for('redis', lambda: os.path.exists(socket))

        self.http = ('api_redis unix:%s;\n' % socket) + ZONE % ' redis'
        super().launch()


class Signed(Skep):
    """Tokens with the signature of another algorithm."""

    def launch(self):
        algorithm = self.name.upper()
        key = os.path.join(self.bench.secrets, self.name)

        process.run(['openssl', 'genpkey', '-quiet', '-out', key]
                    + KEY_OPTIONS[algorithm])
        self.keys = 'auth_key %s %s kid=%s;' % (algorithm, key, self.name)
        super().launch()


class Return(Server):
    """nginx that answers with the bytes that Skep answered."""

    def launch(self):
        http, bodies = '', {}

        for scenario, text in self.bench.samples.items():
            if '$' in text:
                raise Failure('nginx cannot return text with a "$"')

            text = text.replace('\\', '\\\\').replace('"', '\\"')

            if len(text) <= TOKEN:
                bodies[scenario] = text
                continue

            parts = split(text)
            bodies[scenario] = ''

            for n, part in enumerate(parts):
                variable = '$%s_%d' % (scenario, n)
                http += '    map "" %s { default "%s"; }\n' % (variable, part)
                bodies[scenario] += variable

        self.process = self.nginx('', http, RETURN_SERVER % bodies)


def split(text):
    """Parts of at most TOKEN characters; no escape is torn apart."""

    parts = []

    while text:
        end = TOKEN
        while text[end - 1:end] == '\\':
            end -= 1
        parts.append(text[:end])
        text = text[end:]

    return parts


class Fastify(Server):

    def launch(self):
        here = os.path.join(self.bench.root, 'bench', 'peers', 'fastify')
        home = os.path.join(self.bench.build, 'bench', 'fastify')

        if not shutil.which('npm'):
            raise Failure('npm is missing: install the packages nodejs, npm')

        os.makedirs(home, exist_ok=True)

        lock, stamp = (os.path.join(d, 'package-lock.json')
                       for d in (here, os.path.join(home, 'node_modules')))
        stamp += '.installed'

        for name in ('package.json', 'package-lock.json', 'server.js'):
            shutil.copy(os.path.join(here, name), home)

        if not (os.path.exists(stamp)
                and open(stamp).read() == open(lock).read()):
            process.run(['npm', 'ci', '--omit=dev', '--no-audit', '--no-fund',
                         '--ignore-scripts'], cwd=home)
            shutil.copy(lock, stamp)

        self.process = process.start(
            self.name, ['node', 'server.js'], self.log, cwd=home,
            env=dict(self.bench.peer_env(self), NODE_ENV='production'))


class FastAPI(Server):

    def launch(self):
        here = os.path.join(self.bench.root, 'bench', 'peers', 'fastapi')

        # Debian's packages belong to Debian's interpreter

        python = '/usr/bin/python3'

        try:
            process.run([python, '-B', '-c', 'import fastapi, uvicorn, asyncpg,'
                         ' uvloop, httptools, jwt'])
        except Failure as e:
            raise Failure('%s\ninstall the packages python3-fastapi'
                          ' python3-uvicorn python3-asyncpg python3-uvloop'
                          ' python3-httptools python3-jwt' % e)

        self.process = process.start(
            self.name,
            [python, '-B', '-m', 'uvicorn', 'app:app', '--host', '127.0.0.1',
             '--port', self.port, '--workers', WORKERS, '--loop', 'uvloop',
             '--http', 'httptools', '--no-access-log', '--log-level',
             'warning', '--app-dir', here],
            self.log, cwd=self.state, env=self.bench.peer_env(self))


SERVERS = {'skep': Skep, 'nginx': Return, 'fastify': Fastify,
           'fastapi': FastAPI, 'limit': Limited,
           'limit-redis': LimitedByRedis, 'rs256': Signed, 'es256': Signed}
