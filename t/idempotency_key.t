#!/usr/bin/env perl

# The header Idempotency-Key itself: its forms, and where it means nothing.

use v5.36;

use Skep::Test;

my $skep = skep();
my $user = $skep->user;
my $n = 0;

sub create ($key, %o) {
    return $user->post('/v1/tasks', $o{json} // { title => 'By ' . ++$n },
                       headers => [map { ('Idempotency-Key', $_) }
                                   ref $key ? @$key : $key]);
}

sub refused ($key, $name) {
    my $stored = $skep->pg->value('SELECT count(*) FROM task.tasks');
    my $res = create($key);

    problem($res, 400, 'invalid_parameter', $name);
    like($res->json->{detail}, qr/Idempotency-Key/, 'it names the header');
    is($skep->pg->value('SELECT count(*) FROM task.tasks'), $stored,
       'nothing is made');
}

sub same ($first, $second, $name) {
    my %json = (json => { title => $name });
    my $res = create($first, %json);

    status_is($res, 201, "$name: first");
    is($res->header('Idempotent-Replayed'), undef, 'is no replay');

    my $again = create($second, %json);

    status_is($again, 201, "$name: again");
    is($again->header('Idempotent-Replayed'), 'true', 'is a replay');
    is($again->body, $res->body, 'and says the same');
}


refused('', 'an empty key');
refused('two words', 'a space');
refused("a\tb", 'a tab');
refused("caf\xc3\xa9", 'not ASCII');
refused('x' x 256, 'too long');
refused('""', 'an empty string');
refused('"two words"', 'a string with a space');
refused('"open', 'a string that does not end');
refused('"a"b', 'text after the string');
refused('"a";p=1', 'a string with a parameter');
refused('"a\\b"', 'a bad escape');
refused('"a\\', 'an escape of nothing');
refused('"' . 'x' x 256 . '"', 'a string too long');
refused(['a', 'b'], 'two keys');
refused(['a', 'a'], 'one key twice');

same('x', 'x', 'one character');
same('x' x 255, '"' . 'x' x 255 . '"', '255 characters, and quoted');
same('8e03978e-40d5-43e8-bc93-6894a57f9324',
     '"8e03978e-40d5-43e8-bc93-6894a57f9324"', 'a UUID, and quoted');
same('!#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~"',
     '"!#$%&\'()*+,-./:;<=>?@[\\\\]^_`{|}~\\""', 'whatever is visible');

# case matters
my $lower = create('case', json => { title => 'x' })->json->{id};
my $upper = create('CASE', json => { title => 'x' });
isnt($upper->json->{id}, $lower, 'a key in capitals is another');


# it comes before the body: a fault in it is told first
problem(create('two words', json => { title => '' }), 400, 'invalid_parameter',
        'a bad key and a bad body');


# a request that has failed is not remembered

problem(create('failed', json => { title => '' }), 422, 'validation_failed',
        ['/title', 'too_short'], 'a fault in the body');
problem(create('failed', json => { title => 'x', assignee_id => nobody }),
        422, 'validation_failed', ['/assignee_id', 'not_a_member'],
        'a fault that the database finds');
status_is(create('failed', json => { title => 'x' }), 201,
          'then another body with the same key');
is($skep->pg->value(<<~'SQL'), 1, 'that one is remembered');
    SELECT count(*) FROM api.idempotency_keys WHERE key = 'failed'
    SQL


# it means nothing where nothing is made

my $task = $user->task(title => 'One');
my $path = "/v1/tasks/$task->{id}";
my @bad = (headers => ['Idempotency-Key', 'two words',
                       'Idempotency-Key', 'and one more']);

status_is($user->get($path, @bad), 200, 'GET');
status_is($user->get('/v1/tasks', @bad), 200, 'GET of a list');
status_is($user->patch($path, { title => 'Two' }, @bad), 200, 'PATCH');
status_is($user->put($path, { title => 'Three' }, @bad), 200, 'PUT');
status_is($user->post("$path/complete", undef, @bad), 200, 'complete');
status_is($user->post("$path/reopen", undef, @bad), 200, 'reopen');
status_is($user->delete($path, @bad), 204, 'DELETE');

my @key = (headers => ['Idempotency-Key', 'x']);

for my $title ('Four', 'Five') {
    $task = $user->task(title => 'One');
    my $res = $user->patch("/v1/tasks/$task->{id}", { title => $title }, @key);

    status_is($res, 200, "PATCH to $title with a key that was used");
    is($res->json->{title}, $title, 'is done');
    is($res->header('Idempotent-Replayed'), undef, 'it is no replay');
}

finish();
