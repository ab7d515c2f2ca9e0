#!/usr/bin/env perl

# Deliveries of a webhook: the list, a test, another attempt.

use v5.36;

use JSON::PP ();
use Skep::Test;

my $skep = skep();
my $pg = $skep->pg;
my $user = $skep->user;
my $false = JSON::PP::false;
my %new = (url => 'https://example.com/hook', events => ['*']);
my $hook = $user->post('/v1/webhooks', \%new)->json->{id};
my $path = "/v1/webhooks/$hook";
my $list = "$path/deliveries";

# writes a task's event and fans it out; the event's id
sub event (%fields) {
    my $task = $user->task(%fields);
    my ($row) = $pg->query(<<~'SQL')->@*;
        SELECT id FROM notify.fan_out((SELECT max(seq) FROM notify.outbox), 500)
        WHERE type = 'task.created'
        SQL

    return $row->[0];
}

sub outcome ($event, $set) {
    $pg->execute("UPDATE notify.deliveries SET $set WHERE event_id = '$event'
                  AND webhook_id = '$hook'");
}

sub data ($target) { return $user->get($target)->json->{data} }

sub events ($target) { return [map { $_->{event_id} } data($target)->@*] }


# none

same_json($user->get($list), 200, { data => [], next_cursor => undef },
          'nothing yet');


# a test

my $res = $user->post("$path/test");

status_is($res, 202, 'a test');

my $test = $res->json;

is_deeply([sort keys %$test],
          [qw(attempts created_at duration_ms error event_id id
              last_attempt_at next_attempt_at response_body response_status
              status type)], 'its fields, and no other');
is($test->{type}, 'webhook.test', 'type');
is($test->{status}, 'pending', 'status');
is($test->{attempts}, 0, 'attempts');
is($test->{next_attempt_at}, $test->{created_at}, 'it is due now');
is($test->{$_}, undef, "no $_ yet")
    for qw(last_attempt_at response_status response_body duration_ms error);
is_deeply(data($list), [$test], 'it is in the list');
isnt($test->{event_id}, $user->post("$path/test")->json->{event_id},
     'another is another event');
is($user->post("$path/test", {})->status, 202, 'a body is not looked at');

my ($body, $now) = $pg->query(<<~"SQL")->[0]->@*;
    SELECT data, next_attempt_at <= now() FROM notify.deliveries
    WHERE id = '$test->{id}'
    SQL

is_deeply(JSON::PP::decode_json($body), {
    id => $test->{event_id}, type => 'webhook.test',
    timestamp => $test->{created_at}, actor_id => $user->id,
    project_id => undef,
    data => { webhook => { id => $hook, url => $new{url} } },
}, 'what is sent is an event');
is($now, 't', 'and sent now');
is($pg->value('SELECT count(*) FROM notify.outbox o
               WHERE o.type LIKE \'webhook.%\''), 0, 'nobody else is told');

my $scoped = $user->post('/v1/webhooks',
                         { %new, project_id => $user->inbox })->json->{id};
my $id = $user->post("/v1/webhooks/$scoped/test")->json->{id};

is(JSON::PP::decode_json($pg->value(
       "SELECT data FROM notify.deliveries WHERE id = '$id'"))->{project_id},
   $user->inbox, 'that of a project names it');
$pg->execute('DELETE FROM notify.deliveries');


# events, the latest first

my @events = map { event(title => "Task $_") } 1 .. 7;

outcome($events[$_], "status = 'delivered', attempts = 1,
        response_status = 204, response_body = '', duration_ms = 12,
        last_attempt_at = now()") for 0 .. 2;
outcome($events[$_], "status = 'failed', attempts = 8, response_status = 500,
        response_body = E'no \\u00fc\\n', duration_ms = 3, error = 'HTTP 500',
        last_attempt_at = now()") for 3, 4;
outcome($events[5], "attempts = 1, error = 'timed out', duration_ms = 15000,
        next_attempt_at = now() + interval '10 hours',
        last_attempt_at = now()");

is_deeply(events($list), [reverse @events], 'all, the latest event first');

my %by = map { $_->{event_id} => $_ } data($list)->@*;
my $failed = $by{$events[3]};

is_deeply([$failed->@{qw(type status attempts response_status response_body
                         duration_ms error next_attempt_at)}],
          ['task.created', 'failed', 8, 500, "no \x{fc}\n", 3, 'HTTP 500',
           undef], 'what is told of one that failed');
is($by{$events[0]}{next_attempt_at}, undef, 'nor is a delivered one due');
ok($by{$events[5]}{next_attempt_at}, 'one that waits is');

for (['pending', 6, 5], ['delivered', 2, 1, 0], ['failed', 4, 3],
     ['pending,failed', 6, 5, 4, 3], ['delivered,failed,pending', reverse 0 .. 6])
{
    my ($status, @want) = @$_;

    is_deeply(events("$list?status=$status"), [@events[@want]], $status);

    my ($target, @got) = "$list?status=$status&limit=2";

    while ($target) {
        my $page = $user->get($target);

        push @got, map { $_->{event_id} } $page->json->{data}->@*;
        ($target) = ($page->header('Link') // '') =~ /<(.*)>/;
    }

    is_deeply(\@got, [@events[@want]], "$status, by pages of two");
}

problem($user->get("$list?$_->[0]"), 400, 'invalid_parameter', $_->[1],
        $_->[0])
    for ['status=done', ['status', 'invalid_value']],
        ['status=', ['status', 'invalid_value']],
        ['sort=created_at', ['sort', 'unknown_parameter']],
        ['cursor=x', ['cursor', 'invalid_value']];
problem($user->get("$list?limit=2&status=failed&cursor="
                   . $user->get("$list?limit=2")->json->{next_cursor}), 400,
        'invalid_parameter', ['cursor', 'invalid_value'],
        'a cursor of another filter');


# another attempt

sub retry ($event, $who = $user, $at = $list) {
    return $who->post("$at/$by{$event}{id}/retry");
}

sub due ($event) {
    return $pg->query(<<~"SQL")->[0];
        SELECT status, attempts, next_attempt_at <= now()
        FROM notify.deliveries
        WHERE event_id = '$event' AND webhook_id = '$hook'
        SQL
}

for my $event ($events[0], $events[3]) {
    my $was = $by{$event};

    $res = retry($event);
    status_is($res, 202, "$was->{status}: retry");
    is_deeply($res->json, { %$was, status => 'pending',
                            next_attempt_at => $res->json->{next_attempt_at} },
              'it is due again; what became of the last attempt stays');
    is_deeply(due($event), ['pending', $was->{attempts}, 't'], 'now');
}

status_is(retry($events[5]), 202, 'one that waits for ten hours');
is_deeply(due($events[5]), ['pending', 1, 't'], 'is due now');
status_is(retry($events[6]), 202, 'one that is due');
is_deeply(due($events[6]), ['pending', 0, 't'], 'stays so');
outcome($events[6], "next_attempt_at = now() + interval '1 minute'");
retry($events[6]);
is_deeply(due($events[6]), ['pending', 0, 'f'],
          'one that was taken to be sent is not sent twice');

problem($user->post("$list/@{[nobody]}/retry"), 404, 'not_found',
        'none of that id');
problem(retry($events[3], $user, "/v1/webhooks/$scoped/deliveries"), 404,
        'not_found', 'of another webhook');
problem(retry($events[3], $skep->user), 404, 'not_found', 'by another');
problem($user->post("$list/x/retry"), 404, 'not_found', 'no id');


# of a project that the owner has left

my $owner = $skep->user;
my $project = $skep->project($owner, editor => $user);
my $shared = event(project_id => $project);

%by = map { $_->{event_id} => $_ } data($list)->@*;
outcome($shared, "status = 'failed'");
status_is(retry($shared), 202, 'a member');
outcome($shared, "status = 'failed'");
status_is($owner->delete("/v1/projects/$project/members/@{[$user->id]}"), 204,
          'who is removed');
problem(retry($shared), 403, 'forbidden', 'is not sent again what was there');
is_deeply((due($shared))->[0], 'failed', 'it stays as it was');
is(events($list)->[0], $shared, 'and is seen');


# disabled

$user->patch($path, { enabled => $false });
problem($user->post("$path/test"), 409, 'webhook_disabled',
        'a test of a disabled one');
problem($user->post("$path/test", undef, headers => ['Idempotency-Key', 'x']),
        409, 'webhook_disabled', 'with a key');
problem(retry($events[4]), 409, 'webhook_disabled', 'retry');
is_deeply(due($events[4])->[0], 'failed', 'nothing is due');
# with the event of having become a member
is(scalar data($list)->@*, 9, 'the list is there');


# with their webhook they go

status_is($user->delete($path), 204, 'DELETE');
problem($user->get($list), 404, 'not_found', 'the list');
is($pg->value("SELECT count(*) FROM notify.deliveries
               WHERE webhook_id = '$hook'"), 0, 'and what was in it');

finish();
