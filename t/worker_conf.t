#!/usr/bin/env perl

# Options, the check of a configuration, and signals: a good configuration is
# taken over, a bad one is refused with its line.

use v5.36;

use Skep::File qw(slurp);
use Skep::Outbox;
use Skep::Process qw(build_dir run source_dir wait_until);
use Skep::Test;

my $binary = build_dir() . '/skep-worker';


# What it says to these options, and how it ends.

sub says (@options) {
    my ($rc, $out) = run([$binary, @options]);

    return ($rc, $out);
}


my ($rc, $out) = says('--help');
is($rc, 0, '--help');
like($out, qr/^usage: skep-worker .*--check.*SIGHUP/s, 'tells the options');

($rc, $out) = says('--version');
is($rc, 0, '--version');
like($out, qr/^skep-worker \d+\.\d+\.\d+\n/, 'tells the version');

for my $options (['--bad'], ['-c'], ['-t', 'x']) {
    ($rc, $out) = says(@$options);
    is($rc, 2, "@$options is no option");
    like($out, qr/^usage:/m, 'and so it tells which there are');
}

($rc, $out) = says('-t', '-c', '/nowhere/conf');
is($rc, 1, 'a file that is not there');
is($out, "skep-worker: /nowhere/conf: No such file or directory\n",
   'is told');


# the documented configuration has every key, with the value that it has
# without; and all are explained

sub text ($file) { return slurp(source_dir() . "/$file") }

my $shipped = text('conf/skep-worker.conf');
my $docs = text('docs/worker.md');
my $keys = text('worker/skep_conf_keys.c')
           =~ s/\A.*?\n(?=const skep_conf_key_t)//sr;
my %preset;

while ($keys =~ /^ +(\w+)\((\w+)(?:,\s*(?:"([^"]*)")?)?/mg) {
    next if uc $1 ne $1;
    my $name = $1 eq 'SECRET' ? "$2_file" : $2;
    $preset{$name} = $3;
}

cmp_ok(scalar keys %preset, '>', 30, 'the table of keys is read');

for my $name (sort keys %preset) {
    like($docs, qr/^\| `\Q$name\E` \|/m, "docs/worker.md has $name");

    my ($value) = $shipped =~ /^#?\Q$name\E = (.*)$/m;
    ok(defined $value, "conf/skep-worker.conf has $name") or next;
    is($value, $preset{$name}, 'with its default')
        if defined $preset{$name};
}

my $skep = skep(worker => 1, worker_conf => {
    sweep_after => '200ms', sweep_interval => '100ms',
});
my $worker = $skep->worker;
my $file = $worker->file('conf');

# as it is, and with what is commented out, but for the files it names
my $whole = ($shipped =~ s/^#(?=\w+ = )//mgr) =~ s/^\w+_file = .*$//mgr;
$whole =~ s/^(mail_\w+|smtp_\w+|redis_user) = .*$//mg;

($rc, $out) = says('-t', '-c', $worker->write_file('whole', $whole));
is($rc, 0, 'it is good') or diag($out);


# --check tells file and line

sub bad ($line, $fault) {
    my ($ok, $said) = do {
        $worker->write_file('conf', "# one\n\npg = dbname=skep\n$line\n");
        $worker->check;
    };

    ok(!$ok, "$line: refused");
    is($said, "skep-worker: $file:4: $fault\n", 'told');
}

bad('nonsense', 'the form is NAME = VALUE');
bad('nonsense = 1', 'unknown "nonsense"');
bad('pg = dbname=skep', '"pg" is there twice: see line 3');
bad('batch = many', '"batch": "many" is not a number');
bad('claim_idle = 1w',
    '"claim_idle": "1w" is not a time such as 15s, 5m, 2h or 30d');
bad('http = here', '"http": the form is ADDRESS:PORT or off');
bad('redis_password_file = /nowhere/x',
    '/nowhere/x: No such file or directory');


# SIGHUP: a bad one is refused, and all goes on

my $outbox = Skep::Outbox->new($skep, $skep->user);

$worker->signal('HUP');
ok(wait_until(5, sub { $worker->log =~ /conf:4: .*stays as it was/ }),
   'a bad configuration is refused, with its line') or diag($worker->log);
$outbox->add(3);
ok($outbox->settled, 'it goes on with the one of before');
is($worker->metrics->{'reloads_total{outcome="refused"}'}, 1, 'it counts');

# a good one is taken over, by connections too

my %conf = (sweep_after => '200ms', sweep_interval => '100ms');
my $log = $worker->file('log2');

sub backends () {
    return join ' ', map { $_->[0] } $skep->pg->query(<<~'SQL')->@*;
        SELECT pid FROM pg_stat_activity
        WHERE usename = 'skep_worker' ORDER BY pid
        SQL
}

my $before = backends();

$worker->configure(%conf, log => $log, log_level => 'debug', stream => 'other');
$worker->signal('HUP');
ok(wait_until(5, sub { $worker->metrics->{'reloads_total{outcome="ok"}'} }),
   'a good one is read');
ok(wait_until(5, sub {
    (eval { $skep->redis->command('XINFO', 'GROUPS', 'other') } // '')
        =~ /skep/;
}), 'its stream is the new one');
ok(wait_until(5, sub { backends() !~ /$before/ }), 'the connections are new');
$outbox->add(3);
ok($outbox->settled, 'it goes on');
ok(-s $log, 'the log is the new one');


# SIGUSR1: the log was moved away, and begins anew

rename $log, "$log.old" or die "$log: $!";
$worker->signal('USR1');
ok(wait_until(5, sub { -e $log }), 'the log is there again');

my $size = -s "$log.old";

$worker->signal('HUP');
ok(wait_until(5, sub { -s $log }), 'it is written to');
is(-s "$log.old", $size, 'and the old one is not');


# no more than one listens on an address

my $second = $skep->add_worker(conf => {
    http => '127.0.0.1:' . $worker->port,
});

ok(!eval { $second->start; 1 }, 'a second one does not start');
like($second->log, qr/http: can't listen/, 'and tells why');
pop $skep->{workers}->@*;

is($outbox->wrong(6), '', 'all is in the inbox');
finish();
