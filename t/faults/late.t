#!/usr/bin/env perl

# A change that was answered 504, since the network was gone, does not happen
# when the network is back: the kernel had it still to send.

use v5.36;

use Skep::Namespace;
use Skep::Test;
use Time::HiRes qw(sleep);

my $far = Skep::Namespace->peer(1);
my $skep = skep(set => { api_pg_timeout => '1s' },
                pg => { tcp => 5432, network => $far });
my $user = $skep->user;
my $task = $user->task(title => 'First');
my $path = "/v1/tasks/$task->{id}";

$skep->connected;
$far->cut;
problem($user->patch($path, { title => 'Late' }), 504, 'database_timeout',
        'a change while the network is gone');
sleep 1.5;                              # its connection is given up
$far->mend;

ok($skep->wait_ready(10), 'the network is back');
status_is($user->patch($path, { title => 'New' }), 200, 'the next change');
sleep 7;                                # TCP would have sent again by now

my $now = $user->get($path)->json;

is($now->{title}, 'New', 'is the last one');
is($now->{version}, 2, 'and the only one');

finish();
