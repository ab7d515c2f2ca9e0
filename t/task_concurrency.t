#!/usr/bin/env perl

# Two who change the same version: one succeeds, the other is told.

use v5.36;

use Skep::Client;
use Skep::Test;

my $skep = skep(workers => 2);
my $user = $skep->user;
my $task = $user->task(title => 'Contended');
my $path = "/v1/tasks/$task->{id}";
my @clients = map { $skep->new_client } 1 .. 8;


# Sends the same request, but for its title, on each connection at once; the
# statuses, sorted, and the answers that were 200.

sub race ($method, $n, $headers) {
    state $race = 0;
    my @wait = @clients[0 .. $n - 1];

    $race++;

    for my $i (0 .. $#wait) {
        $wait[$i]->send($wait[$i]->format_request(
            $method, $path, token => $user->token, headers => $headers,
            json => { title => "Racer $race.$i" }));
    }

    my @res = map { $_->response(method => $method) } @wait;

    $skep->check($_, $method) for @res;
    return (join(' ', sort map { $_->status } @res),
            [ grep { $_->status == 200 } @res ],
            [ grep { $_->status != 200 } @res ]);
}


my (%outcomes, $version, $bad);

for my $method ('PATCH', 'PUT') {
    %outcomes = ();

    for (1 .. 300) {
        $version = $user->get($path)->json->{version};

        my ($statuses, $won, $lost) = race($method, 2,
                                           ['If-Match', "\"$version\""]);

        $outcomes{$statuses}++;
        $bad++ if $won->@* != 1
                  || $won->[0]->json->{version} != $version + 1
                  || $lost->[0]->json->{code} ne 'version_mismatch'
                  || $user->get($path)->json->{title}
                     ne $won->[0]->json->{title};
    }

    is_deeply(\%outcomes, { '200 412' => 300 },
              "two $method with the same If-Match: one wins, 300 times");
}

is($bad, undef, 'the winner is what is stored');


# and when both are known to be under way: a lock holds them up until both wait

my $session = $skep->pg->session;
%outcomes = ();

for my $n (1 .. 10) {
    $version = $user->get($path)->json->{version};
    $session->hold("SELECT FROM task.tasks WHERE id = '$task->{id}'
                    FOR UPDATE");

    $_->send($_->format_request(
        'PATCH', $path, token => $user->token,
        headers => ['If-Match', "\"$version\""], json => { title => "Held $n" }))
        for @clients[0, 1];
    $skep->pg->blocked(2) or die 'they do not wait';
    $session->send('COMMIT;');

    $outcomes{join ' ', sort map { $_->response->status } @clients[0, 1]}++;
}

$session->close;
is_deeply(\%outcomes, { '200 412' => 10 },
          'two PATCH that wait for the same row: one wins');


# a task that another moves while it is waited for, from one project of the
# caller to another: it is still there; where the caller is nobody, it is not

my $stranger = $skep->user;
my $project = $user->project(name => 'Elsewhere')->{id};
my %call = (
    PATCH    => ['PATCH', '', { priority => 'high' }],
    complete => ['POST', '/complete'],
    DELETE   => ['DELETE', ''],
);

for my $case (['PATCH', 200, 404], ['complete', 200, 404],
              ['DELETE', 204, 404])
{
    my ($name, @statuses) = @$case;
    my ($method, $suffix, $json) = $call{$name}->@*;

    for my $to ($project, $stranger->inbox) {
        my $moved = $user->task(title => 'Moved')->{id};
        my $mover = $skep->pg->session;
        my $status = shift @statuses;

        $mover->hold("UPDATE task.tasks SET project_id = '$to'
                      WHERE id = '$moved'");
        $clients[0]->send($clients[0]->format_request(
            $method, "/v1/tasks/$moved$suffix", token => $user->token,
            $json ? (json => $json) : ()));
        $skep->pg->blocked or die 'it does not wait';
        $mover->send('COMMIT;');

        status_is($clients[0]->response(method => $method), $status,
                  "$name of a task that was moved "
                  . ($status == 404 ? 'away' : 'to a project of the caller'));
        $mover->close;
    }
}


# eight at once

$version = $user->get($path)->json->{version};
my ($statuses) = race('PATCH', 8, ['If-Match', "\"$version\""]);
is($statuses, '200 412 412 412 412 412 412 412', 'of eight, one wins');


# without a condition all win, and no version is given twice

$version = $user->get($path)->json->{version};

my (undef, $won) = race('PATCH', 8, []);

is_deeply([sort { $a <=> $b } map { $_->json->{version} } @$won],
          [$version + 1 .. $version + 8],
          'without If-Match, eight succeed one after another');

# complete is idempotent: eight at once are one change
my $done = $user->task(title => 'Done by many');

$path = "/v1/tasks/$done->{id}/complete";
$_->send($_->format_request('POST', $path, token => $user->token))
    for @clients;
my @res = map { $_->response } @clients;

is(join(' ', map { $_->status } @res), join(' ', (200) x 8),
   'eight complete at once');
is_deeply([map { $_->json->{version} } @res], [(2) x 8], 'it is one change');
is($skep->pg->value(<<~"SQL"), 1, 'and one event');
    SELECT count(*) FROM notify.outbox
    WHERE task_id = '$done->{id}' AND type = 'task.completed'
    SQL


# DELETE at once: one deletes, the others find nothing

$path = "/v1/tasks/$done->{id}";
$_->send($_->format_request('DELETE', $path, token => $user->token))
    for @clients;
is(join(' ', sort map { $_->response->status } @clients),
   join(' ', 204, (404) x 7), 'of eight DELETE, one deletes');

finish();
