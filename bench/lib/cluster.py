"""A private PostgreSQL with Skep's schema and the data of the bench."""

import glob
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile

from . import process
from .process import Failure

SETTINGS = """
listen_addresses = ''
max_connections = 300
shared_buffers = 256MB
max_wal_size = 4GB
fsync = on
synchronous_commit = on
full_page_writes = on
autovacuum = off            # the bench vacuums between its measurements
timezone = 'UTC'
log_timezone = 'UTC'
"""


def bindir():
    found = glob.glob('/usr/lib/postgresql/*/bin/postgres')

    if found:
        return os.path.dirname(max(
            found, key=lambda path: float(path.split('/')[-3])))

    found = shutil.which('postgres')
    if not found:
        raise Failure('PostgreSQL is missing: install the package postgresql')

    return os.path.dirname(found)


class Cluster:

    def __init__(self, root, state):
        self.root = root
        self.state = state
        self.bin = bindir()
        self.data = os.path.join(state, 'postgres')
        self.sockets = tempfile.mkdtemp(prefix='skep-bench-')
        self.password = secrets.token_hex(16)
        self.user = process.unprivileged()

        os.chmod(self.sockets, 0o755)

        # every libpq, asyncpg and pg in reach logs in by this file

        self.passfile = os.path.join(state, 'pgpass')
        with open(os.open(self.passfile, os.O_WRONLY | os.O_CREAT, 0o600),
                  'w') as f:
            f.write('*:*:*:*:%s\n' % self.password)

        self.env = dict(os.environ, PGPASSFILE=self.passfile, LC_ALL='C.UTF-8')
        for name in ('PGHOST', 'PGPORT', 'PGUSER', 'PGDATABASE', 'PGOPTIONS',
                     'PGPASSWORD', 'PGSERVICE'):
            self.env.pop(name, None)

    def start(self):
        first = os.path.join(self.state, 'initial-password')

        with open(os.open(first, os.O_WRONLY | os.O_CREAT, 0o600), 'w') as f:
            f.write(self.password + '\n')
        os.mkdir(self.data, 0o700)

        if self.user:
            for path in (first, self.data):
                os.chown(path, self.user['user'], self.user['group'])

        self.check_reach()

        process.run([os.path.join(self.bin, 'initdb'), '-D', self.data,
                     '-U', 'postgres', '-E', 'UTF8', '--locale=C.UTF-8',
                     '--auth=scram-sha-256', '--pwfile', first],
                    cwd='/', **self.user)
        os.unlink(first)

        if self.user:
            os.chown(self.sockets, self.user['user'], self.user['group'])

        with open(os.path.join(self.data, 'postgresql.conf'), 'a') as f:
            f.write(SETTINGS)
            f.write("unix_socket_directories = '%s'\n" % self.sockets)

        self.process = process.start(
            'PostgreSQL', [os.path.join(self.bin, 'postgres'), '-D', self.data],
            os.path.join(self.state, 'postgres.log'), stop=signal.SIGINT,
            cwd='/', **self.user)

        process.wait_for('PostgreSQL', lambda: not subprocess.call(
            [os.path.join(self.bin, 'pg_isready'), '-q', '-h', self.sockets]))

    def check_reach(self):
        if not self.user:
            return

        if subprocess.call(['test', '-x', self.data], cwd='/', **self.user):
            raise Failure('the user "postgres" has no way into %s: choose'
                          ' another directory by --state' % self.state)

    def migrate(self, database='skep'):
        self.sql('CREATE DATABASE ' + database, database='postgres')

        process.run(['sqitch', 'deploy', '--verify',
                     'db:pg://postgres@/%s?host=%s' % (database, self.sockets)],
                    cwd=os.path.join(self.root, 'sql'), env=self.env)

        # Skep asks for one plan for every execution: none shall plan more

        self.sql("ALTER ROLE skep_nginx LOGIN PASSWORD '%s'" % self.password,
                 'ALTER ROLE skep_nginx SET plan_cache_mode ='
                 ' force_generic_plan')

    def conninfo(self, name, database='skep'):
        return ('host=%s dbname=%s user=skep_nginx application_name=%s'
                % (self.sockets, database, name))

    def psql_command(self, database):
        return [os.path.join(self.bin, 'psql'), '-h', self.sockets,
                '-U', 'postgres', '-d', database]

    def psql(self, *args, database='skep', **options):
        return process.run(
            self.psql_command(database) + ['-X', '-q', '-A', '-t', '-v',
                                           'ON_ERROR_STOP=1'] + list(args),
            env=self.env, **options)

    def sql(self, *texts, database='skep'):
        args = []
        for text in texts:
            args += ['-c', text]
        return self.psql(*args, database=database)

    def rows(self, text, database='skep'):
        return [line.split('\t')
                for line in self.psql('-F', '\t', '-c', text,
                                      database=database).splitlines()]

    def load(self):
        self.psql('-f', os.path.join(self.root, 'bench', 'data.sql'))

    def fill(self, database, tasks):
        process.run([os.path.join(self.root, 'bench', 'million', 'load.sh')]
                    + self.psql_command(database),
                    env=dict(self.env, TASKS=str(tasks)))

    def settle(self, scenario):
        """Before a measurement: the same data, and no write-back due."""

        if scenario == 'create':
            self.sql('SELECT bench.restore()')
            self.sql('VACUUM ANALYZE task.tasks')

        self.sql('CHECKPOINT')

    def count(self):
        """How many tasks and how many events there are."""

        return [int(n) for n in self.rows(
            'SELECT (SELECT count(*) FROM task.tasks),'
            ' (SELECT count(*) FROM notify.outbox)')[0]]

    def backends(self, name):
        """The processes that serve the connections of a contender."""

        return [int(row[0]) for row in self.rows(
            "SELECT pid FROM pg_stat_activity WHERE application_name = '%s'"
            % name)]

    def cpu(self):
        return process.cpu(self.process.pid)

    def close(self):
        shutil.rmtree(self.sockets, ignore_errors=True)


def statements(root, scratch):
    """{name: SQL} of the statements of tasks, as they are built into Skep."""

    base = os.path.join(root, 'sql', 'statements')
    files = sorted(glob.glob(os.path.join(base, '*.sql'))
                   + glob.glob(os.path.join(base, 'task', '*.sql')))
    tables = glob.glob(os.path.join(root, 'ngx_task_module', '*_fields.h'))

    process.run([os.path.join(root, 'sql', 'embed'),
                 *(arg for table in tables for arg in ('-f', table)),
                 *files, 'ngx_task_sql', scratch])

    with open(os.path.join(scratch, 'ngx_task_sql.c')) as f:
        found = re.findall(
            r'{ "(\w+)",\s*((?:"(?:[^"\\]|\\.)*"\s*)+),\s*\d+, NGX_API_PG_',
            f.read())

    # adjacent literals are one; then their escapes, which are few

    return {name: re.sub(r'\\(.)', lambda m: {'n': '\n'}.get(m[1], m[1]),
                         re.sub(r'"\s*"', '', text.strip())[1:-1])
            for name, text in found}
