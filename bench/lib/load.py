"""The generators of load: wrk over HTTP, pgbench for the database alone."""

import json
import os
import re
import shutil
import subprocess

from . import process
from .process import Failure

CONNECTIONS = 64

# a pgbench script runs its statement this often, so that what fetches new
# parameters, a round trip of its own, weighs little
REPEAT = 10

# seconds that each client of pgbench has for its look-ups and its plans
WARM_UP = 1

CLIENTS = [8, 16, 32, 64]

# parameters that are the same for every request of the bench
CONSTANTS = {
    'page': '21',              # 20 and one more, to know of a next page
    'todo': 'todo',
    'none': 'none',
    'empty': '{}',
    'trace': '00-%s-%s-03 %s' % ('4b' * 16, 'a5' * 8, 'c3' * 18),
}

# those that each client looks up once, at random
LOOKED_UP = {'user': 'user_id', 'task': 'task_id', 'title': 'title',
             'description': 'description'}

# those that are new for each request
FRESH = {
    'id': 'bench.uuid7(clock_timestamp())',
    'event': 'bench.uuid7(clock_timestamp())',
    'at': 'clock_timestamp()',
}


def check():
    for program, package in (('wrk', 'wrk'),
                             ('pgbench', 'postgresql')):
        if not shutil.which(program):
            raise Failure('%s is missing: install the package %s'
                          % (program, package))


def wrk_command(bench, server, requests, seconds, connections=CONNECTIONS):
    return ['wrk', '-t', str(min(2, connections)), '-c', str(connections),
            '-d', '%ds' % seconds, '--timeout', '20s', '--latency',
            '-s', os.path.join(bench.root, 'bench', 'wrk.lua'), server.url,
            '--', requests]


def wrk_outcome(name, text):
    outcome = json.loads(text.splitlines()[-1])
    faults = {k: outcome[k]
              for k in ('status', 'connect', 'read', 'write', 'timeout')
              if outcome[k]}

    if faults or not outcome['requests']:
        raise Failure('%s did not answer every request with 2xx: %d answers,'
                      ' faults %s' % (name, outcome['requests'], faults))

    return {'requests': outcome['requests'],
            'rate': outcome['requests'] / outcome['microseconds'] * 1e6,
            'p50': outcome['p50'], 'p99': outcome['p99']}


def wrk(bench, server, requests, seconds, connections=CONNECTIONS):
    """Requests answered, their rate, and latencies in microseconds."""

    return wrk_outcome(server.name, process.run(
        wrk_command(bench, server, requests, seconds, connections)))


class Pgbench:
    """pgbench -M prepared with the SQL that Skep prepares, unaltered.

    $n becomes a variable of pgbench, which in this mode becomes $n again.  A
    variable that is not defined is sent as NULL."""

    def __init__(self, bench, scenario, sql, parameters):
        self.bench = bench
        self.clients = None
        self.script = os.path.join(bench.state, 'pgbench-%s.sql' % scenario)

        if re.search(r'(?<![:\w]):\w', sql):
            raise Failure('pgbench would take a colon of the statement for a'
                          ' variable of its own')

        highest = max(int(n) for n in re.findall(r'\$(\d+)', sql))
        if highest != len(parameters):
            raise Failure('the statement of %s takes %d parameters, the bench'
                          ' knows %d' % (scenario, highest, len(parameters)))

        with open(self.script, 'w') as f:
            f.write(script(sql, parameters))

    def run(self, seconds, clients=None):
        """How many requests there were; their rate after the warm-up, and the
        CPU seconds of PostgreSQL for each."""

        cluster = self.bench.cluster
        command = ([os.path.join(cluster.bin, 'pgbench'), '-n', '-M',
                    'prepared', '-c', str(clients or self.clients), '-j', '2',
                    '-T', str(seconds + WARM_UP), '-P', str(WARM_UP),
                    '-f', self.script, '-D', 'loaded=0']
                   + ['-D%s=%s' % item for item in CONSTANTS.items()]
                   + ['-h', cluster.sockets, '-U', 'skep_nginx', 'skep'])

        with subprocess.Popen(command, env=cluster.env, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT) as running:
            try:
                text, warm, cpu = '', None, 0

                for line in running.stdout:
                    text += line
                    if warm is None:
                        warm = re.match(r'progress: ([\d.]+) s, ([\d.]+) tps',
                                        line)
                        cpu = cluster.cpu()
            except BaseException:
                running.kill()
                raise

        cpu = cluster.cpu() - cpu
        rate = re.search(r'^tps = ([\d.]+)', text, re.M)
        count = re.search(r'actually processed: (\d+)', text)
        connecting = re.search(r'connection time = ([\d.]+) ms', text)
        failed = re.search(r'failed transactions: (\d+)', text)

        if (running.returncode or not (warm and rate and count and connecting)
                or failed and failed.group(1) != '0'):
            raise Failure('pgbench failed:\n' + text)

        # what came before the first line of progress is left out; that line
        # counts the time of connecting, the rate does not

        before = float(warm.group(1)) * float(warm.group(2))
        count = int(count.group(1))
        time = (count / float(rate.group(1)) - float(warm.group(1))
                + float(connecting.group(1)) / 1000)

        return {'requests': count * REPEAT,
                'rate': (count - before) / time * REPEAT,
                'database_cpu': cpu / ((count - before) * REPEAT)}

    def find_best(self, seconds, before):
        """Chooses the concurrency with the highest rate."""

        rates = {}
        for clients in CLIENTS:
            before()
            rates[clients] = self.run(seconds, clients)['rate']

        self.clients = max(rates, key=rates.get)
        return rates


def script(sql, parameters):
    lines = ['\\if :loaded', '\\else']

    for n in range(REPEAT):
        lines.append('\\set n random(1, 1000)')
        lines.append('SELECT %s FROM bench.samples WHERE n = :n \\gset'
                     % ', '.join('%s AS %s_%d' % (column, name, n)
                                 for name, column in LOOKED_UP.items()))

    lines.append('\\set loaded 1')
    lines.append('\\endif')

    fresh = ['%s AS %s_%d' % (FRESH[name], name, n)
             for n in range(REPEAT) for name in dict.fromkeys(parameters)
             if name in FRESH]
    if fresh:
        lines.append('SELECT %s \\gset' % ', '.join(fresh))

    for n in range(REPEAT):
        def variable(match):
            name = parameters[int(match.group(1)) - 1]
            if name in LOOKED_UP or name in FRESH:
                return ':%s_%d' % (name, n)
            return ':' + name

        lines.append(re.sub(r'\$(\d+)', variable, sql) + ';')

    return '\n'.join(lines) + '\n'
