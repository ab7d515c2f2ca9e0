#!/usr/bin/env perl

# What notify.claim_mails() lends and what it drops, and what
# notify.record_mails() makes of it: the queue of mails, without a worker.

use v5.36;

use Digest::SHA qw(sha256_hex);
use Skep::Test;

my $skep = skep();
my $pg = $skep->pg;

my @columns = qw(id type attempts created_at why address task_id project_id
                 name actor project task assignee changes comment member role
                 url reason time token expires_at);

sub fan_out () {
    $pg->query('SELECT FROM notify.fan_out(9223372036854775807, 1000)');
}

# as the worker; what it takes, as a list of hashes without what is null
sub claim ($most = 100, $lease = '1 hour') {
    my $list = join ', ', map { qq{c."$_"} } @columns;
    my $rows = $pg->query(<<~"SQL");
        SET ROLE skep_worker;
        SELECT $list FROM notify.claim_mails($most, '$lease') c
        ORDER BY c.created_at, c.address, c.type
        SQL

    return map {
        my %row;
        @row{@columns} = @$_;
        delete @row{grep { $row{$_} eq '' } keys %row};
        \%row;
    } @$rows;
}

sub record ($id, $outcome, $pause = 0, $error = 'NULL') {
    $pg->query("SET ROLE skep_worker;
                SELECT FROM notify.record_mails('{$id}', '{$outcome}',
                                                '{$pause}', '{$error}')");
}

sub mail ($id) {
    return $pg->query("SELECT status, attempts, coalesce(error, 'none'),
                              data IS NULL, next_attempt_at > now()
                       FROM notify.mails WHERE id = '$id'")->[0];
}

# makes pending ones due, and forgets the others
sub due () {
    $pg->execute("UPDATE notify.mails SET next_attempt_at = now();
                  DELETE FROM notify.mails WHERE status <> 'pending'");
}

sub wants ($user, @types) {
    my $types = join ',', @types;

    $pg->execute("INSERT INTO notify.settings (user_id, email_on)
                  VALUES ('@{[$user->id]}', '{$types}')
                  ON CONFLICT (user_id) DO UPDATE SET email_on = '{$types}'");
}

sub verified ($user, $is = 'true') {
    $pg->execute("UPDATE auth.users SET email_verified = $is
                  WHERE id = '@{[$user->id]}'");
}

# what is said of all mails that are due now
sub whys () {
    fan_out();
    return join '; ', map { $_->{why} // 'sent' } claim();
}


# a mail that proves an address

my $ann = $skep->user(email => 'Ann@Example.com', name => 'Ann');

fan_out();
my ($mail, @more) = claim();

ok($mail && !@more, 'one mail');
is($mail->{type}, 'auth.email_verification_requested', 'its type');
is($mail->{address}, 'Ann@Example.com', 'to whom');
is($mail->{name}, 'Ann', 'the name');
is($mail->{attempts}, 1, 'the first attempt');
is($mail->{token}, ($skep->pg->value("SELECT data ->> 'token'
                                      FROM notify.mails")), 'the token');
like($mail->{expires_at}, qr/\A\d{4}-\d\d-\d\d \d\d:\d\d UTC\z/,
     'when it expires');
ok(abs($mail->{created_at} - time) < 60, 'when it was asked for');
ok(!exists $mail->{why}, 'to be sent');

is(scalar(claim()), 0, 'it is lent once');
is_deeply(mail($mail->{id}), ['pending', 1, 'none', 'f', 't'],
          'until the lease runs out');

due();
is((claim())[0]{attempts}, 2, 'then it is lent again');

record($mail->{id}, 'pending', 3600, '"SMTP 450"');
is_deeply(mail($mail->{id}), ['pending', 2, 'SMTP 450', 'f', 't'],
          'to be tried again: it keeps its token');
is(scalar(claim()), 0, 'later');

due();
claim();
record($mail->{id}, 'sent');
is_deeply([(mail($mail->{id}))->@[0 .. 3]], ['sent', 3, 'none', 't'],
          'sent: the token is gone');
record($mail->{id}, 'failed', 0, '"late"');
is(mail($mail->{id})->[0], 'sent', 'which is the end of it');


# of those that are not sent, the token goes at once

sub dropped ($why, $name) {
    my @mails = claim();

    is(join('; ', map { $_->{why} // 'sent' } @mails), $why, $name);
    is_deeply([(mail($mails[0]{id}))->@[0 .. 3]], ['dropped', 0, $why, 't'],
              "$name: dropped, without a secret");
}

sub resend () {
    due();
    $ann->post('/v1/auth/verify-email/resend');
    fan_out();
    return $pg->value("SELECT data ->> 'token' FROM notify.mails");
}

my $token = resend();
$pg->execute("UPDATE auth.mail_tokens SET expires_at = now()");
dropped('the token is void', 'an expired token');

$token = resend();
is($skep->post('/v1/auth/verify-email', { token => $token })->status, 204,
   'a token is used');
dropped('the token is void', 'a used token');

verified($ann, 'false');
resend();
$pg->execute("UPDATE auth.users SET email = 'other\@example.com'
              WHERE id = '@{[$ann->id]}'");
dropped('the address has changed', 'another address');

resend();
$pg->execute("UPDATE auth.users SET disabled_at = now()
              WHERE id = '@{[$ann->id]}'");
dropped('the account is disabled', 'a disabled account');
$pg->execute("UPDATE auth.users SET disabled_at = NULL");


# notifications: of who wants them, to proved addresses

my $bob = $skep->user(name => 'Bob');
my $project = $bob->project(name => 'Garden');
fan_out();
$pg->execute("DELETE FROM notify.mails");

$bob->share($project, $ann, 'editor');
is(whys(), '', 'off by default');

wants($ann, qw(task.created task.updated task.deleted comment.created
               task.assigned));
my $task = $bob->task(project_id => $project->{id}, title => 'Dig');
is(whys(), 'the address is not verified', 'not to an address of anybody');

verified($ann);
$task = $bob->task(project_id => $project->{id}, title => 'Water');
fan_out();
($mail) = claim();
is_deeply({ $mail->%{qw(type address name actor project task task_id
                        project_id)} },
          { type => 'task.created', address => 'other@example.com',
            name => 'Ann', actor => 'Bob', project => 'Garden',
            task => 'Water', task_id => $task->{id},
            project_id => $project->{id} }, 'a notification');
like($mail->{time}, qr/\A\d{4}-\d\d-\d\d \d\d:\d\d UTC\z/, 'when it was');
ok(!exists $mail->{token}, 'no token');

sub told ($name, %want) {
    due();
    $pg->execute('DELETE FROM notify.mails');
    fan_out();
    my ($got) = claim();
    is_deeply({ map { $_ => $got->{$_} } keys %want }, \%want, $name);
}

$bob->patch("/v1/tasks/$task->{id}", { title => 'Water them',
                                       priority => 'high' });
told('a change', type => 'task.updated', task => 'Water them',
     changes => 'title, priority');

$bob->patch("/v1/tasks/$task->{id}", { assignee_id => $ann->id });
told('an assignment', type => 'task.assigned', assignee => 'Ann');

$bob->post("/v1/tasks/$task->{id}/comments", { body => "Now!\nPlease." });
told('a comment', type => 'comment.created', comment => "Now!\nPlease.",
     task => 'Water them');

wants($ann, 'project.member_added');
$bob->share($project, $skep->user(name => 'Carl'), 'viewer');
told('a member', type => 'project.member_added', member => 'Carl',
     role => 'viewer', project => 'Garden');

# what has changed since is looked at
wants($ann, 'task.completed');
$pg->execute('DELETE FROM notify.mails');
$bob->post("/v1/tasks/$task->{id}/complete");
fan_out();
wants($ann);
is(whys(), 'such mails are switched off', 'switched off meanwhile');

wants($ann, 'task.reopened');
$bob->post("/v1/tasks/$task->{id}/reopen");
fan_out();
is($bob->delete("/v1/projects/$project->{id}/members/@{[$ann->id]}")->status,
   204, 'a member goes');
is(whys(), 'no member any more', 'before the mail does');


# many, and two workers at once

$pg->execute(<<~"SQL");
    DELETE FROM notify.mails;
    INSERT INTO notify.mails (id, user_id, type, next_attempt_at)
    SELECT gen_random_uuid(), '@{[nobody]}', 'task.created',
           now() - n * interval '1 s'
    FROM generate_series(1, 30) n;
    SQL

my $other = $pg->session;
$other->hold("SELECT FROM notify.claim_mails(10, '1 h')");
is(scalar(claim(15)), 15, 'at most so many, waiting for nobody');
is(scalar(claim(15)), 5, 'those that another has are left to it');
$other->close;

like((eval { $pg->query("SET ROLE skep_worker; SELECT token
                         FROM auth.mail_tokens"); '' } // $@),
     qr/permission denied/, 'the worker itself reads no token');
like((eval { $pg->query("SET ROLE skep_nginx; SELECT FROM
                         notify.claim_mails(1, '1 h')"); '' } // $@),
     qr/permission denied/, 'nginx takes no mail');

finish();
