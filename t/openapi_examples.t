#!/usr/bin/env perl

# Every call of docs/openapi.yaml, made with the examples that stand there: each
# is taken, and where the answer to a call has an example of its own, or makes
# something new, the real one is that example, ids, times and secrets aside.

use v5.36;

use Skep::OpenAPI;
use Skep::Process qw(tempdir wait_until);
use Skep::Receiver;
use Skep::Sink;
use Skep::Stream;
use Skep::Test;

my $openapi = Skep::OpenAPI->load;
my %calls = map { $_->[2]{operationId} => $_ } $openapi->operations;
my $dir = tempdir();
my $receiver = Skep::Receiver->new(dir => $dir);
my $sink = Skep::Sink->new(dir => "$dir/sink");
my $skep = skep(
    worker      => 1,
    set         => { notify_webhook_http          => 'on',
                     notify_webhook_allow_address => '127.0.0.1' },
    worker_conf => { webhook_allow_http    => 'on',
                     webhook_allow_address => '127.0.0.1',
                     $sink->conf },
);

my %made;       # operationId => 1
my %id;         # of the example => the real one
our $token;     # of whoever asks


# A value with what differs from run to run replaced by a word.

sub masked ($value) {
    return { map { $_ => /\A(?:access_token|refresh_token|secret|url|user_agent
                               |ip|next_cursor|sync_token)\z/x
                         ? "a $_" : masked($value->{$_}) } keys %$value }
        if ref $value eq 'HASH';
    return [map { masked($_) } @$value] if ref $value eq 'ARRAY';
    return $value if !defined $value || ref $value;
    return $value =~ /\A[0-9a-f]{8}-[0-9a-f-]{27}\z/ ? 'an id'
         : $value =~ /\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/ ? 'a time'
         : $value;
}

# A body with the ids of this run.

sub real ($value) {
    return { map { $_ => $_ eq 'url' ? $receiver->url('/')
                                     : real($value->{$_}) } keys %$value }
        if ref $value eq 'HASH';
    return [map { real($_) } @$value] if ref $value eq 'ARRAY';
    return defined $value && !ref $value ? $id{$value} // $value : $value;
}

# The examples of a media type: its own, and those of its schema.

sub examples ($media) {
    my @own = (exists $media->{example} ? $media->{example} : (),
               map { $openapi->resolve($_)->{value} }
               values(($media->{examples} // {})->%*));

    return (\@own,
            [@own, ($openapi->resolve($media->{schema})->{examples}
                    // [])->@*]);
}


# The token of the latest mail to Ada with such a link.

sub mailed ($link) {
    my $token;

    wait_until(10, sub {
        for my $mail (map { $sink->mail($_) } 1 .. $sink->count) {
            next if $mail->header('To') ne '<ada@example.com>';
            $token = $1 if $mail->text =~ m{/$link\?token=([\w-]+)};
        }

        return defined $token;
    }) or die "no mail with /$link";

    return $token;
}


# Makes a call; the answer's body.
#     path  { name => id }, query => text, headers => [...]
#     json  the body instead of the example
#     plain 1: for what is not Skep's in its headers
#     any   1: the example is one of several things that the answer may be

sub call ($name, %o) {
    my ($method, $path, $operation) = $calls{$name}->@*;
    my $target = $path =~ s/\{(\w+)\}/$o{path}{$1}/gr . ($o{query} // '');
    my $bodies = $operation->{requestBody}{content} // {};
    my ($good) = grep { /^2/ } sort keys $operation->{responses}->%*;
    my $res;

    $made{$name} = 1;

    # by each media type that the call takes; what is new is made once
    for my $type (sort keys %$bodies, keys %$bodies ? () : '') {
        my @json = $o{json} // ($type ? real((examples($bodies->{$type}))[1][0])
                                      : ());

        $res = $skep->request($method, $target, token => $token,
                              headers => $o{headers} // [],
                              plain => $o{plain},
                              @json ? (json => $json[0], type => $type) : ());
        status_is($res, $good, "$name $type");
    }

    my $response = $openapi->resolve($operation->{responses}{$good});
    my $media = ($response->{content} // return)->{'application/json'};
    my ($own, $all) = examples($media);
    my ($one, @others) = $good eq '201' ? @$all : @$own;

    if (defined $one && !$o{any}) {
        my $got = masked($res->json);

        # of several examples it is one
        ($one) = (grep({ Skep::Response::encode(masked($_))
                         eq Skep::Response::encode($got) } @others), $one);
        is_deeply($got, masked($one), "$name: as in its example");
    }

    return $res->json;
}

# A list, once without parameters and once with the example of each.

sub list ($name, %o) {
    my $json = call($name, %o);

    for my $parameter (map { $openapi->resolve($_) }
                       ($calls{$name}[2]{parameters} // [])->@*)
    {
        my $schema = $openapi->resolve($parameter->{schema});
        my ($many) = map { $parameter->{examples}{$_}{value} }
                     sort keys(($parameter->{examples} // {})->%*);
        my $value = $parameter->{example} // $many // $schema->{default}
                    // ($schema->{enum} // [])->[0] // next;

        next if $parameter->{in} ne 'query';
        $value = ref $value eq 'ARRAY' ? join ',', @$value
               : ref $value            ? Skep::Response::encode($value)
                                       : real($value);
        call($name, %o, any => 1,
             query => "?$parameter->{name}=" . escape($value));
    }

    return $json;
}


# an account

my $grace = $skep->user(name => 'Grace', email => 'grace@example.com');
my $ada = call('register');

$token = $ada->{access_token};
$id{$_->[0]} = $_->[1] for
    ['01a1fd66-bc8e-72a9-ae11-a542bc57056e', $grace->id],
    ['01a1fd66-bc89-7643-8cd1-01c5b93d851b', $ada->{user}{id}];

call('resendVerification');

call('verifyEmail', json => { token => mailed('verify-email') });
call('login');
call('getMe');
call('changeMe');
call('getNotificationSettings');
call('changeNotificationSettings', headers => ['If-Match', '*']);

# what one does is told to oneself, for what follows
$skep->patch('/v1/me/notification-settings', { own_actions => JSON::PP::true },
             token => $token);


# projects, and who is in them

my $project = call('createProject', headers => [
    'Idempotency-Key', '0f6c2d1e-5b7a-4a52-9d1c-3e8f7a6b5c4d']);
my %project = (path => { id => $project->{id} });

$id{'01a1fd66-bc8f-70b0-8edf-752935f1fafa'} = $project->{id};

call('getProject', %project);
list('listProjects', any => 1);
call('replaceProject', %project, any => 1);
call('changeProject', %project, any => 1);
call('addMember', %project);
list('listMembers', %project, any => 1);

my %grace = (path => { $project{path}->%*, user_id => $grace->id });

call('changeMember', %grace);
$skep->patch("/v1/projects/$project->{id}/members/" . $grace->id,
             { role => 'editor' }, token => $token);


# tasks and comments

my $task = call('createTask');
my %task = (path => { id => $task->{id} });

$id{'019bd29e-4a10-7d42-8f60-5b7c9e2a1d33'} = $task->{id};

list('listTasks');
call('getTask', %task);
call('replaceTask', %task);
call('changeTask', %task);
call('completeTask', %task);
call('reopenTask', %task);
call('createTasks');
call('changeTasks');
list('listProjectTasks', %project);

my $comment = call('createComment', %task);
my %comment = (path => { id => $comment->{id} });

list('listComments', %task);
call('getComment', %comment);
call('changeComment', %comment);
call('deleteComment', %comment);


# webhooks, and what was sent

my $webhook = call('createWebhook');
my %webhook = (path => { id => $webhook->{id} });

list('listWebhooks');
call('getWebhook', %webhook);
call('replaceWebhook', %webhook);
call('changeWebhook', %webhook);
call('rotateWebhookSecret', %webhook);

my $delivery = call('testWebhook', %webhook);

list('listDeliveries', %webhook);
call('retryDelivery', path => { $webhook{path}->%*,
                                delivery_id => $delivery->{id} });

# the tests, one of them twice, and what happened meanwhile
$skep->patch("/v1/webhooks/$webhook->{id}", { events => ['*'] },
             token => $token);
$skep->post('/v1/tasks', { title => 'Watch' }, token => $token);
ok(wait_until(10, sub {
    my %types = map { Skep::Response::decode($_->{body})->{type} => 1 }
                $receiver->requests('/');

    return $types{'webhook.test'} && $types{'task.created'};
}), 'webhooks are received');
is(join('; ', map { $openapi->webhook_faults($_) } $receiver->requests('/')), '',
   'and are as documented');
call('deleteWebhook', %webhook);


# notifications

my $notification;

ok(wait_until(10, sub {
    my $page = $skep->get('/v1/notifications', token => $token)->json;

    ($notification) = grep { $_->{type} eq 'task.updated' } $page->{data}->@*;
}), 'there is a notification');

my %notification = (path => { id => $notification->{id} });

list('listNotifications');
call('getNotification', %notification);
call('readNotification', %notification);
call('readAllNotifications');

my $stream = Skep::Stream->open($grace, token => $token,
                                last => nobody);

$made{streamNotifications} = 1;
ok(defined $stream->event, 'streamNotifications');
$stream->close;
call('deleteNotification', %notification);


# all accounts, for an admin

my $admin = $skep->admin(name => 'Root', email => 'root@example.com');

{
    local $token = $admin->token;
    my %user = (path => { id => $grace->id });

    list('listUsers');
    call('getUser', %user);
    call('changeUser', %user);
}


# of a server

{
    local $token = undef;

    call('getKeys', any => 1, plain => 1);
    call('live');
    call('ready');
}


# the end

call('removeMember', %grace);
call('deleteTask', %task);
call('deleteProject', %project);

my $sessions = list('listSessions', any => 1);
my ($other) = grep { !$_->{current} } $sessions->{data}->@*;

call('endSession', path => { id => $other->{id} });
call('changePassword');
$token = call('refresh', json => { refresh_token => $ada->{refresh_token} },
              any => 1)->{access_token};
call('requestPasswordReset');
call('confirmPasswordReset', json => {
    token => mailed('reset-password'), new_password => 'correct horse' });
$token = call('login')->{access_token};
call('logout');
$token = call('login')->{access_token};
call('deleteMe');

is_deeply([grep { !$made{$_} } sort keys %calls], [], 'every call was made');

finish();
