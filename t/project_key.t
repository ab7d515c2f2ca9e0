#!/usr/bin/env perl

# POST of a project or of a member with an Idempotency-Key: done once, and the
# first answer again.  t/idempotency_*.t have the rest.

use v5.36;

use JSON::PP ();
use Skep::Test;

my $skep = skep(workers => 2);
my $owner = $skep->user(name => 'Owner');
my $guest = $skep->user(name => 'Guest');

sub keyed ($who, $key, $path, $json) {
    return $who->post($path, $json, headers => ['Idempotency-Key', $key]);
}

sub rows () {
    return $skep->pg->query(<<~'SQL')->[0];
        SELECT (SELECT count(*) FROM task.projects WHERE NOT inbox),
               (SELECT count(*) FROM task.members),
               (SELECT count(*) FROM notify.outbox
                WHERE type = 'project.member_added'),
               (SELECT count(*) FROM api.idempotency_keys)
        SQL
}


# a project

my %project = (name => "Bees \x{1F41D} \"quoted\"", description => "\x{e9}\n",
               archived => JSON::PP::true);
my $first = keyed($owner, 'project', '/v1/projects', \%project);
my $path = $first->header('Location');

status_is($first, 201, 'a project');
is($first->header('Idempotent-Replayed'), undef, 'is no replay');
is($first->header('ETag'), '"1"', 'its ETag');
same_json($owner->get($path), 200, $first->json, 'it is there');
replayed(keyed($owner, 'project', '/v1/projects', \%project), $first, 'again');

my $plain = $owner->post('/v1/projects', \%project)->json;
my $keyed = $first->json;

delete $_->@{qw(id created_at updated_at)} for $plain, $keyed;
is_deeply($keyed, $plain, 'it is as one that was made without a key');
problem(keyed($owner, 'project', '/v1/projects', { name => 'Another' }), 422,
        'idempotency_key_reused', 'the key with another body');
problem(keyed($owner, 'project', '/v1/tasks', { title => 'x' }), 422,
        'idempotency_key_reused', 'the key for a task');
problem(keyed($owner, 'project', "$path/members",
              { user_id => $guest->id, role => 'viewer' }), 422,
        'idempotency_key_reused', 'the key for a member');
is_deeply(rows(), [2, 4, 0, 1], 'two projects, one key');
status_is($owner->patch($path, { name => 'Changed' }), 200, 'it was changed');
replayed(keyed($owner, 'project', '/v1/projects', \%project), $first,
         'changed');


# a member

my %member = (email => uc $guest->email, role => 'editor');
my $added = keyed($owner, 'member', "$path/members", \%member);

status_is($added, 201, 'a member');
is($added->header('Idempotent-Replayed'), undef, 'is no replay');
is_deeply($owner->get("$path/members")->json->{data}[1], $added->json,
          'who is there');
is_deeply(rows(), [2, 5, 1, 2], 'one member, one event');
replayed(keyed($owner, 'member', "$path/members", \%member), $added, 'again');

problem(keyed($owner, 'other', "$path/members", \%member), 409,
        'already_member', 'with another key');
is_deeply(rows(), [2, 5, 1, 2], 'which is not kept');

# whatever became of them
status_is($owner->patch($added->header('Location'), { role => 'viewer' }),
          200, 'another role');
status_is($guest->patch('/v1/me', { name => 'Renamed',
                                    email => 'renamed@example.com',
                                    current_password => $guest->password }),
          200, 'another name and e-mail');
replayed(keyed($owner, 'member', "$path/members", \%member), $added,
         'renamed');
status_is($owner->delete($added->header('Location')), 204, 'removed');
replayed(keyed($owner, 'member', "$path/members", \%member), $added,
         'removed');
is_deeply(rows(), [2, 4, 1, 2], 'and stays removed');

# the key that was not kept is free
status_is(keyed($owner, 'other', "$path/members",
                { user_id => $guest->id, role => 'viewer' }), 201,
          'the other key may be used');

# failures
for my $case (
    ['an unknown e-mail', { email => 'nobody@example.com', role => 'viewer' },
     422, 'validation_failed', ['/email', 'not_found']],
    ['an unknown user', { user_id => nobody, role => 'viewer' },
     422, 'validation_failed', ['/user_id', 'not_found']],
) {
    my ($name, $json, @problem) = @$case;

    problem(keyed($owner, 'failed', "$path/members", $json), @problem, $name);
}

problem(keyed($guest, 'failed', "$path/members", \%member), 403, 'forbidden',
        'by one who may not');
problem(keyed($guest, 'failed', "/v1/projects/@{[nobody]}/members", \%member),
        404, 'not_found', 'of a project that is not there');
problem(keyed($owner, 'failed', "/v1/projects/@{[$owner->inbox]}/members",
              { user_id => $guest->id, role => 'viewer' }), 409,
        'inbox_not_shared', 'of an Inbox');
is_deeply(rows(), [2, 5, 2, 3], 'none of it is kept');

# and when it is all gone
status_is($owner->delete($path), 204, 'the project is deleted');
replayed(keyed($owner, 'project', '/v1/projects', \%project), $first,
         'deleted');
replayed(keyed($owner, 'member', "$path/members", \%member), $added,
         'deleted');


# many who add the same one at once, each with a key of their own or none: one
# does, and no other key is kept

my @clients = map { $skep->new_client } 1 .. 12;
my (%told, @faults);

for my $round (1 .. 20) {
    my $project = $owner->post('/v1/projects', { name => "Round $round" })
                        ->json->{id};

    $skep->pg->execute('TRUNCATE api.idempotency_keys');

    for my $i (0 .. $#clients) {
        $clients[$i]->send($clients[$i]->format_request(
            'POST', "/v1/projects/$project/members", token => $owner->token,
            json => { user_id => $guest->id, role => 'editor' },
            headers => $i % 3 ? ['Idempotency-Key', "round-$i"] : []));
    }

    my %round;

    for my $i (0 .. $#clients) {
        my $res = $clients[$i]->response;

        $round{$res->status == 201 ? 201 : $res->json->{code}}++;
        push @faults, "round $round: key kept of a failure, or not of a success"
            if $i % 3
               && ($res->status == 201)
                  != $skep->pg->value("SELECT count(*)
                                       FROM api.idempotency_keys
                                       WHERE key = 'round-$i'");
    }

    $told{$_} += $round{$_} for keys %round;
}

is_deeply(\%told, { 201 => 20, already_member => 220 },
          'of many who add one, one does');
is_deeply(\@faults, [], 'and only that one\'s key is kept');

finish();
