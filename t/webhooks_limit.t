#!/usr/bin/env perl

# notify_webhook_max: so many webhooks a user may have, also when they are made
# at the same moment.

use v5.36;

use Skep::Test;

my $skep = skep(workers => 2);
my $pg = $skep->pg;
my %hook = (url => 'https://example.com/', events => ['*']);

sub count ($user) {
    return $pg->value("SELECT count(*) FROM notify.webhooks
                       WHERE user_id = '@{[$user->id]}'");
}


# 20 by default

my $user = $skep->user;
my @made = map { $user->post('/v1/webhooks', \%hook) } 1 .. 20;

is(scalar(grep { $_->status == 201 } @made), 20, '20 webhooks');
problem($user->post('/v1/webhooks', \%hook), 409, 'too_many_webhooks',
        'one more');
problem($user->post('/v1/webhooks', { %hook, project_id => nobody }), 422,
        'validation_failed', ['/project_id', 'not_found'],
        'what is wrong with it is told first');
problem($user->post('/v1/webhooks', \%hook,
                    headers => ['Idempotency-Key', 'x']), 409,
        'too_many_webhooks', 'with a key');
status_is($skep->user->post('/v1/webhooks', \%hook), 201,
          'each user has their own');

status_is($user->patch($made[0]->header('Location'), { events => ['*'] }), 200,
          'those that are there can be changed');
status_is($user->delete($made[0]->header('Location')), 204, 'one is deleted');
status_is($user->post('/v1/webhooks', \%hook,
                      headers => ['Idempotency-Key', 'x']), 201,
          'another takes its place, the key was not spent');
is(count($user), 20, 'there are 20');


# fewer

$skep->reconfigure(http => 'notify_webhook_max 3;');
$skep->reload;

problem($user->post('/v1/webhooks', \%hook), 409, 'too_many_webhooks',
        'who has more gets no further one');

# at the same moment: the account is held until all wait for it

my @clients = map { $skep->new_client } 1 .. 8;

for my $round (1 .. 4) {
    my $new = $skep->user;
    my $session = $pg->session;

    $session->hold("SELECT FROM auth.users
                    WHERE id = '@{[$new->id]}' FOR NO KEY UPDATE");
    $_->send($_->format_request('POST', '/v1/webhooks', token => $new->token,
                                json => \%hook)) for @clients;
    $pg->blocked(4) or die 'they do not wait';
    $session->send('COMMIT;');
    $session->close;

    my @status = sort map { $_->response->status } @clients;

    is("@status", '201 201 201 409 409 409 409 409', 'three of eight');
    is(count($new), 3, 'are there');
}


# none

$skep->reconfigure(http => 'notify_webhook_max 0;');
$skep->reload;

problem($skep->user->post('/v1/webhooks', \%hook), 409, 'too_many_webhooks',
        'notify_webhook_max 0');

finish();
