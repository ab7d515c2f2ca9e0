#!/usr/bin/env perl

# The clock of nginx is set, ahead and back: what it has verified before does not
# outlive that, and what was revoked stays so.

use v5.36;

use Skep::Clock;
use Skep::Test;

my $skep = skep(set => { auth_leeway => 5 });
my $clock = Skep::Clock->new(dir => $skep->dir);

$skep->client->close;
$skep->nginx->restart_with($clock->env);
ok($skep->wait_ready(10), 'with a clock of its own');


# The clock as seen by a request: nginx looks at it once in each turn.

sub step ($seconds) {
    $clock->step($seconds);
    $skep->get('/livez') for 1 .. 2;
}


my $user = $skep->user;
my $ended = $skep->login($user);

status_is($ended->get('/v1/me'), 200, 'a token is good');
status_is($ended->post('/v1/auth/logout'), 204, 'its session ends');
problem($ended->get('/v1/me'), 401, 'token_revoked');
status_is($user->get('/v1/me'), 200, 'one that goes on is good, and cached');

step(-3600);
problem($user->get('/v1/me'), 401, 'token_invalid',
        'an hour back: it is of the future, whether it is cached or not');

my $early = $skep->login($user);
status_is($early->get('/v1/me'), 200, 'a new one is good');

step(0);
problem($early->get('/v1/me'), 401, 'token_expired', 'right again: it is old');
status_is($user->get('/v1/me'), 200, 'and the one of before is good again');

step(3600);
problem($user->get('/v1/me'), 401, 'token_expired', 'an hour ahead: it is old');

my $late = $skep->login($user);
status_is($late->get('/v1/me'), 200, 'a new one is good');

# who comes into the set makes room there
for (1 .. 20) {
    my $other = $skep->login($user);
    $other->post('/v1/auth/logout');
}

step(0);
problem($late->get('/v1/me'), 401, 'token_invalid', 'right again: early');
problem($ended->get('/v1/me'), 401, 'token_revoked',
        'what had ended before has ended');
status_is($user->get('/v1/me'), 200, 'what had not is good');

finish();
