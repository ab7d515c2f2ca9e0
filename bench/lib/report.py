"""What was measured, as a table and as Markdown."""

from statistics import median

from . import events, million
from .contenders import TITLES

# scenario, contender, at least so many times its rate
BARS = [
    ('get', 'nginx', 0.5),
    ('get', 'fastify', 4),
    ('get', 'fastapi', 15),
    ('list', 'pgbench', 0.6),
    ('list', 'fastify', 3),
    ('create', 'pgbench', 0.8),
    ('create', 'fastify', 2),
]

# contender, at least so many times the rate of another, both in "get"
VARIANT_BARS = [
    ('limit', 'skep', 0.95),
    ('limit-redis', 'limit', 0.6),
    ('rs256', 'skep', 0.95),
    ('es256', 'skep', 0.95),
]

# p99 of a GET while there are logins: at most so many times the p99 without
LOGINS_BAR = 2

WHAT = {
    'get': '`GET /v1/tasks/{id}`',
    'list': '`GET /v1/tasks`, a page of 20',
    'create': '`POST /v1/tasks`',
}

COLUMNS = ['', 'req/s', 'spread', 'Skep is', 'p50 ms', 'p99 ms', 'server CPU µs',
           'PostgreSQL CPU µs', 'server MB', 'backends MB']


def ratio(rounds, name, of='skep'):
    """How many times the rate of a contender Skep's is, the rounds' median."""

    pairs = [(r[of]['rate'], r[name]['rate'])
             for r in rounds if of in r and name in r]

    return median(a / b for a, b in pairs) if pairs else None


def table(rounds, names):
    """Rows of text, the heading first."""

    rows = [COLUMNS]

    for name in names:
        runs = [r[name] for r in rounds if name in r]
        if not runs:
            continue

        def figure(key, form, scale=1):
            values = [run[key] for run in runs if run.get(key) is not None]
            return form % (median(values) * scale) if values else ''

        rates = [run['rate'] for run in runs]
        times = ratio(rounds, name)

        rows.append([
            TITLES[name],
            '%.0f' % median(rates),
            '±%.0f %%' % ((max(rates) - min(rates)) / median(rates) * 50),
            '' if name == 'skep' or times is None else '%.2f x' % times,
            figure('p50', '%.2f', 1e-3),
            figure('p99', '%.2f', 1e-3),
            figure('server_cpu', '%.1f', 1e6),
            figure('database_cpu', '%.1f', 1e6),
            figure('memory', '%.0f', 1 / 2**20),
            figure('backend_memory', '%.0f', 1 / 2**20),
        ])

    return rows


def disturbance(rounds):
    shares = [run['others'] for r in rounds for run in r.values()]

    return ('Processes that are not part of the bench took %.0f %% of the'
            ' processors meanwhile, %.0f %% in the worst measurement.'
            % (max(0, median(shares)) * 100, max(0, max(shares)) * 100))


def bars(results):
    """(what, bar, measured, met) of each bar that was measured."""

    found = []

    for scenario, name, least in BARS:
        times = ratio(results.get(scenario, []), name)
        if times is not None:
            found.append(('%s, against %s' % (WHAT[scenario], TITLES[name]),
                          'at least %g x' % least, '%.2f x' % times,
                          times >= least))

    for name, other, least in VARIANT_BARS:
        times = ratio(results.get('get', []), other, name)
        if times is not None:
            found.append(('%s: %s, against %s' % (WHAT['get'], TITLES[name],
                                                  TITLES[other]),
                          'at least %g x' % least, '%.2f x' % times,
                          times >= least))

    rounds = results.get('logins')
    if rounds:
        times = median(r['with']['p99'] / r['without']['p99'] for r in rounds)
        found.append(('p99 of a GET during 50 concurrent logins, against none',
                      'at most %g x' % LOGINS_BAR, '%.2f x' % times,
                      times <= LOGINS_BAR))

    if 'events' in results:
        found += events.bars(results['events'])

    if 'million' in results:
        found += million.bars(results['million'])

    return found


def logins(rounds):
    rows = [['', 'GET req/s', 'p50 ms', 'p99 ms', 'logins/s']]

    for key, title in (('without', 'without logins'),
                       ('with', '50 concurrent logins')):
        runs = [r[key] for r in rounds]
        rows.append([title, '%.0f' % median(r['rate'] for r in runs),
                     '%.2f' % (median(r['p50'] for r in runs) / 1e3),
                     '%.2f' % (median(r['p99'] for r in runs) / 1e3),
                     '%.0f' % median(r['logins'] for r in runs)
                     if key == 'with' else ''])

    return rows


def markdown(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]

    def line(cells):
        first = cells[0].ljust(widths[0])
        rest = [c.rjust(w) for c, w in zip(cells[1:], widths[1:])]
        return '| ' + ' | '.join([first] + rest) + ' |'

    rule = '|' + '|'.join([('-' * (widths[0] + 2))]
                          + ['-' * (w + 1) + ':' for w in widths[1:]]) + '|'

    return '\n'.join([line(rows[0]), rule] + [line(row) for row in rows[1:]])


def report(results, facts):
    """The whole report, as Markdown that is readable as it is."""

    parts = ['# Results', facts['about']]

    found = bars(results)
    if found:
        parts.append('## Bars')
        parts.append(markdown(
            [['', 'bar', 'measured', '']]
            + [[what, bar, measured, 'pass' if met else 'MISS']
               for what, bar, measured, met in found]))

    for scenario, rounds in results.items():
        if scenario == 'logins':
            parts.append('## GET while others log in')
            parts.append(markdown(logins(rounds)))
        elif scenario == 'events':
            parts.append('## Events')
            parts += [markdown(rows(rounds)) for rows in (
                events.latency, events.cells, events.crowd)]
            parts.append(events.note(rounds))
        elif scenario == 'million':
            parts.append('## With 1,000,000 tasks')
            parts.append(markdown(million.gets(rounds)))
            parts += [markdown(million.lists(rounds, kind))
                      for kind in ('lists', 'searches')]
            parts.append(million.note(rounds))
        else:
            parts.append('## ' + WHAT[scenario])
            parts.append(markdown(table(rounds, facts['contenders'])))
            parts.append(' '.join(facts['notes'].get(scenario, [])
                                  + [disturbance(rounds)]))

    return '\n\n'.join(parts) + '\n'
