#!/usr/bin/env perl

# A Prometheus scrapes nginx and a worker that have something to do.  Then every
# query of the dashboard finds something, and so does all that the rules look
# at; and no rule fails.

use v5.36;

use JSON::PP ();
use Skep::Process qw(source_dir wait_until);
use Skep::Prometheus;
use Skep::Test;
use Time::HiRes qw(sleep time);

# what these rules look at is told by others
my $foreign = qr/^(?:node_|probe_)/;

my $skep = skep(
    worker  => 1,
    workers => 2,
    metrics => 1,
    http    => 'rate_limit_zone $auth_user zone=user:1m rate=1000r/s;',
    location => 'rate_limit zone=user burst=1000 nodelay;',
);
my $user = $skep->user;
my $prometheus = Skep::Prometheus->new(
    dir => $skep->dir, nginx => $skep->port('metrics'),
    worker => $skep->worker->port,
)->start;


# Something of everything, for so long.

sub work ($seconds) {
    my $until = time + $seconds;
    my $n = 0;

    while (time < $until) {
        my $task = $user->task(title => 'Task ' . $n++);

        $user->patch("/v1/tasks/$task->{id}", { priority => 'high' });
        $user->get("/v1/tasks/$task->{id}");
        $user->get('/v1/tasks?q=task');
        $skep->get('/v1/tasks', headers => { Authorization => 'Bearer no' });
        $skep->get('/nothing');
        $skep->post('/v1/auth/login', { email => $user->email,
                                        password => $_ })
            for $user->password, 'wrong password';
        sleep 0.1;
    }
}


ok($prometheus->wait_for('sum(up{job=~"skep-.*"}) == 2', 10),
   'nginx and the worker are scraped');
work(1);

# a request that fails, too
$skep->pg->stop_server;

my $fault = 0;
my $until = time + 2;

wait_until(10, sub {
    $fault = $user->get('/v1/tasks')->status;
    return time > $until;
}, 0.1);

is($fault, 503, 'a fault');
$skep->pg->start;
$skep->wait_ready(10);
work(7);


# Whether a query finds something, other than that it can't tell.

sub finds ($query, $name) {
    my @found = eval { $prometheus->query($query) };

    is($@, '', "$name: a query") or return;

    ok((grep { $_->{value} ne 'NaN' } @found), "$name: finds something")
        or diag($query);
}


# the dashboard

my $dashboard = JSON::PP->new->utf8->decode(
    Skep::Prometheus::source('conf/grafana/skep.json'));
my @panels = $dashboard->{panels}->@*;
my %seen;

for my $panel (@panels) {
    ok(!$seen{$panel->{id}}++, "$panel->{title}: an id of its own");

    next if $panel->{type} eq 'row';

    ok($panel->{targets}->@* > 0, "$panel->{title}: asks something");
    is($panel->{datasource}{uid}, '${datasource}',
       "$panel->{title}: of the chosen source");

    for my $target ($panel->{targets}->@*) {
        my $query = $target->{expr} =~ s/\$__rate_interval/5s/gr
                                    =~ s/"\$(?:nginx|worker)"/".*"/gr;

        unlike($query, qr/\$/, "$panel->{title}: no other variable");
        finds($query, $panel->{title});
    }
}

# nothing lies upon another
for my $panel (@panels) {
    my ($x, $y, $w, $h) = $panel->{gridPos}->@{qw(x y w h)};

    for my $column ($x .. $x + $w - 1) {
        is(join(' ', grep { $seen{"$column $_"}++ } $y .. $y + $h - 1), '',
           "$panel->{title}: a place of its own") or last;
        cmp_ok($column, '<', 24, "$panel->{title}: within the page") or last;
    }
}

for my $variable ($dashboard->{templating}{list}->@*) {
    next if $variable->{type} ne 'query';

    my ($selector) = $variable->{definition} =~ /^label_values\((.*), \w+\)$/;

    is($variable->{query}{query}, $variable->{definition},
       "$variable->{name}: as it is told");
    finds($selector // 'none', $variable->{name});
}

for my $note ($dashboard->{annotations}{list}->@*) {
    ok(defined eval { $prometheus->query($note->{expr}); 1 },
       "$note->{name}: a query") or diag($@);
}


# the rules

my @rules = $prometheus->rules;
my %looked;

cmp_ok(scalar @rules, '>', 50, 'all rules are there');

for my $rule (@rules) {
    is($rule->{health}, 'ok', "$rule->{name}: has no error")
        or diag($rule->{lastError});

    next if $rule->{query} =~ $foreign;

    if ($rule->{type} eq 'recording') {
        finds($rule->{name} . '{' . join(', ', map {
                  qq($_="$rule->{labels}{$_}")
              } sort keys(($rule->{labels} // {})->%*)) . '}', $rule->{name});
    }

    # each selector in it
    while ($rule->{query} =~ /\b((?:skep[_:]|up\b)[\w:]*(?:\{[^}]*\})?)/g) {
        finds("count($1)", $1) if !$looked{$1}++;
    }
}

cmp_ok(scalar keys %looked, '>', 40, 'all that they look at was looked at');

$prometheus->stop_server;

finish();
