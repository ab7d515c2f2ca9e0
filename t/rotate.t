#!/usr/bin/env perl

# The passwords of PostgreSQL's roles are changed under load, as
# docs/operations.md says: no request fails, and connections that are made
# afterwards have the new ones.

use v5.36;

use Skep::Mix;
use Skep::Process qw(wait_until);
use Skep::Test;
use Time::HiRes qw(sleep);

my $skep = skep(workers => 2, worker => 1);
my ($pg, $worker) = ($skep->pg, $skep->worker);
my $mix = Skep::Mix->new($skep);

sub backends ($role) {
    return $pg->value("SELECT count(*) FROM pg_stat_activity
                       WHERE usename = '$role'");
}

my $connections = $skep->connected;
my $load = $skep->load(connections => 64, next => $mix->requests);

sleep 1;
$pg->execute("ALTER ROLE skep_$_ PASSWORD 'new for $_'") for qw(nginx worker);
$skep->write_file('password', "new for nginx\n");
$worker->write_file('password', "new for worker\n", 0600);
$skep->reload;
$worker->signal('HUP');
ok(wait_until(5, sub { $worker->log =~ /was read again/ }),
   'the worker has read it');
sleep 1;

my $report = $load->stop;

load_is_clean($report, 'no request failed');
$mix->verify($report);
is($skep->connected, $connections, 'the connections are there');
unlike($skep->nginx->log, qr/password authentication failed/,
       'nobody came with the old password');

# those of now go, and come back
$pg->execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE usename LIKE 'skep%'");
is($skep->connected, $connections, 'they come back');
ok($skep->wait_ready(5), 'nginx is ready');
ok(wait_until(15, sub { backends('skep_worker') > 0 && $worker->ready }),
   'and so is the worker, by a connection of now');

finish();
