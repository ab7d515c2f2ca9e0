"""Lists, searches and gets with a million tasks."""

import math
import os
import time
from statistics import median
from urllib.parse import quote

from . import load, process
from .contenders import Skep

# what is asked for at a time when its latency is measured, and for how long
CONNECTIONS = 8
SECONDS = 1

# how often what misses its bar is measured
AGAIN = 3

# p99 in milliseconds, and the rate of gets against that with few tasks
LIST_BAR = 10
SEARCH_BAR = 50
GET_BAR = 0.9

# the databases, and how many tasks each has
TASKS = {'few': 10000, 'million': 1000000}

# pages of a list that are asked for in turn
PAGES = 3

# users whose tasks are asked for by id
USERS = 20

SORTS = [sign + key for key in ('created_at', 'updated_at', 'due_at',
                                'priority') for sign in ('', '-')]

# {name} is what million.values has under that name
FILTERS = [
    '',
    'status=todo', 'status=in_progress', 'status=done', 'status=cancelled',
    'status=todo,in_progress',
    'priority=urgent', 'priority=low,medium',
    'label=bug', 'label=gift', 'label=audit', 'label={label}',
    'assignee=me', 'assignee=none', 'assignee={other}',
    'due_before={now}', 'due_after={now}', 'due_after={now}&due_before={soon}',
    'due=none',
    'project={project}', 'project={project}&status=in_progress',
    'status=todo&priority=high,urgent&label=bug',
    'assignee=me&status=todo,in_progress&due_before={soon}',
]

TERMS = ['unique', 'rare', 'medium', 'frequent', 'prefix', 'medium frequent']
SEARCH_SORTS = ['', '-created_at', 'due_at']


class Filled(Skep):
    """Skep with a database of so many tasks."""

    def conninfo(self):
        return self.bench.cluster.conninfo(self.name, self.name)


class Million:

    def __init__(self, bench, say):
        self.bench = bench
        self.say = say
        self.servers = {}
        self.found = {'get': [], 'lists': [], 'searches': []}

    # before

    def prepare(self):
        for name, tasks in TASKS.items():
            self.say('%d tasks' % tasks)
            self.bench.cluster.migrate(name)
            self.bench.cluster.fill(name, tasks)

            server = Filled(name, self.bench)
            server.start()
            self.servers[name] = server

            users = self.tokens(name)
            self.write_gets(name, users)

            if name == 'million':
                self.callers = users

        self.bench.cluster.sql('CHECKPOINT')

    def tokens(self, name):
        """The tokens of users: of "heavy" and "typical" by these names, of
        all by their ids."""

        return {key: self.bench.token(user)
                for key, user in self.bench.cluster.rows(
            'SELECT name, user_id FROM million.callers UNION ALL'
            ' SELECT id::text, id FROM million.users WHERE n <= %d' % USERS,
            name)}

    def write_gets(self, name, tokens):
        """At most 10,000 tasks by their ids, each by who made it."""

        rows = self.bench.cluster.rows(
            'SELECT t.created_by, t.id FROM task.tasks t'
            ' JOIN million.users u ON u.id = t.created_by'
            ' JOIN task.members m ON (m.project_id, m.user_id)'
            '                        = (t.project_id, u.id)'
            ' WHERE u.n <= %d AND t.deleted_at IS NULL'
            ' ORDER BY md5(t.id::text) LIMIT 10000' % USERS, name)

        self.write(name, [('/v1/tasks/' + task, tokens[user])
                          for user, task in rows])

    def write(self, name, requests):
        with open(self.file(name), 'w') as f:
            for path, token in requests:
                f.write('GET\t%s\t%s\t\n' % (path, token))

    def file(self, name):
        return os.path.join(self.bench.state, 'requests-' + name)

    # the measurements

    def measure(self):
        others, start = process.others(), time.monotonic()

        self.measure_gets()
        self.measure_lists()

        self.found['others'] = ((process.others() - others)
                                / (time.monotonic() - start) / os.cpu_count())

        return self.found

    def measure_lists(self):
        for caller in ('typical', 'heavy'):
            values = self.values(caller)

            for text in FILTERS:
                for sort in SORTS:
                    query = '&'.join(filter(None, [text.format(**values),
                                                   'sort=' + sort]))
                    self.measure_list('lists', LIST_BAR, caller, text, sort,
                                      '/v1/tasks?' + query)

            self.measure_list('lists', LIST_BAR, caller, '(of a project)', '',
                              '/v1/projects/%(project)s/tasks?sort=-updated_at'
                              % values)

            for kind in TERMS:
                term = ' '.join(values['terms'][k] for k in kind.split())

                for sort in SEARCH_SORTS:
                    query = 'q=' + quote(term) + (sort and '&sort=' + sort)
                    self.measure_list('searches', SEARCH_BAR, caller, kind,
                                      sort, '/v1/tasks?' + query)

    def measure_gets(self):
        o = self.bench.options

        for name, server in self.servers.items():
            load.wrk(self.bench, server, self.file(name), 2)

        for n in range(o.rounds):
            self.found['get'].append(
                {name: load.wrk(self.bench, server, self.file(name), o.seconds)
                 for name, server in self.servers.items()})

            rates = [self.found['get'][-1][name]['rate'] for name in TASKS]
            self.say('get, round %d of %d: %.0f/s with %d tasks, %.0f/s with'
                     ' %d' % (n + 1, o.rounds, rates[0], TASKS['few'], rates[1],
                              TASKS['million']))

    def values(self, caller):
        """What the filters of a caller are filled in with."""

        def value(text):
            return self.bench.cluster.rows(text, 'million')[0]

        user = value("SELECT user_id FROM million.callers WHERE name = '%s'"
                     % caller)[0]
        project, number = value(
            'SELECT p.id, p.p FROM task.members m'
            ' JOIN million.projects p ON p.id = m.project_id'
            " WHERE m.user_id = '%s' ORDER BY p.weight DESC LIMIT 1" % user)
        other = value(
            "SELECT m.user_id FROM task.members m"
            " WHERE m.project_id = '%s' AND m.user_id <> '%s'"
            ' ORDER BY 1 LIMIT 1' % (project, user))[0]
        now, soon = value(
            "SELECT to_char(at, f), to_char(at + interval '7 days', f)"
            " FROM million.time, (SELECT 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') f (f)")

        return {'project': project, 'label': 'p%s-2' % number, 'other': other,
                'now': now, 'soon': soon,
                'terms': dict(self.bench.cluster.rows(
                    'SELECT kind, word FROM million.terms', 'million'))}

    def measure_list(self, kind, bar, caller, what, sort, target):
        server, token = self.servers['million'], self.callers[caller]
        requests, page = [], target
        start = time.monotonic()

        while page and len(requests) < PAGES:
            requests.append((page, token))
            cursor = server.fetch('GET', page, token).body['next_cursor']
            page = cursor and target + '&cursor=' + cursor

        # what is slow gets the time for a few answers on each connection

        seconds = max(SECONDS, math.ceil(20 * (time.monotonic() - start)))
        runs = []

        self.write('list', requests)

        while not runs or len(runs) < AGAIN and runs[0]['p99'] > bar * 1000:
            runs.append(load.wrk(self.bench, server, self.file('list'),
                                 seconds, CONNECTIONS))
        process.check_alive()

        outcome = {'caller': caller, 'what': what or 'no filter', 'sort': sort,
                   'p99': median(run['p99'] for run in runs) / 1000,
                   'p50': median(run['p50'] for run in runs) / 1000,
                   'runs': len(runs)}
        self.found[kind].append(outcome)
        self.say('%s, %s, %s %s: p50 %.2f ms, p99 %.2f ms' % (
            kind, caller, what or 'no filter', sort, outcome['p50'],
            outcome['p99']))


# the report

def bars(found):
    """(what, bar, measured, met) of each bar."""

    rows = []

    for kind, bar, what in (('lists', LIST_BAR, 'list'),
                            ('searches', SEARCH_BAR, 'search')):
        worst = max(one['p99'] for one in found[kind])
        rows.append(('p99 of the slowest %s, 8 clients, 1,000,000 tasks' % what,
                     'under %d ms' % bar, '%.1f ms' % worst, worst < bar))

    ratio = rates_ratio(found)
    rows.append(('`GET /v1/tasks/{id}`, 1,000,000 tasks against 10,000',
                 'at least %g x' % GET_BAR, '%.2f x' % ratio,
                 ratio >= GET_BAR))

    return rows


def rates_ratio(found):
    return median(r['million']['rate'] / r['few']['rate']
                  for r in found['get'])


def note(found):
    return ('Of lists and searches each row tells of the sort that is the'
            ' slowest for each user. Processes that are not part of the bench'
            ' took %.0f %% of the processors meanwhile.'
            % (max(0, found['others']) * 100))


def gets(found):
    rows = [['`GET /v1/tasks/{id}`', 'req/s', 'p50 ms', 'p99 ms']]

    for name, tasks in TASKS.items():
        runs = [r[name] for r in found['get']]
        rows.append(['{:,} tasks'.format(tasks),
                     '%.0f' % median(r['rate'] for r in runs),
                     '%.2f' % (median(r['p50'] for r in runs) / 1e3),
                     '%.2f' % (median(r['p99'] for r in runs) / 1e3)])

    return rows


def lists(found, kind):
    """A row for each filter: its p99 with the sort that is worst."""

    rows = [['', 'typical p50', 'p99 ms', 'by', 'heavy p50', 'p99 ms', 'by']]

    for what in dict.fromkeys(one['what'] for one in found[kind]):
        row = ['`%s`' % what]

        for caller in ('typical', 'heavy'):
            worst = max((one for one in found[kind]
                         if one['what'] == what and one['caller'] == caller),
                        key=lambda one: one['p99'])
            row += ['%.2f' % worst['p50'], '%.2f' % worst['p99'],
                    worst['sort'] or 'rank']

        rows.append(row)

    return rows
