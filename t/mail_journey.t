#!/usr/bin/env perl

# From a registration to a mail, and with its token to a verified address; the
# same for a new password; a notification that was switched on.  The server
# wants STARTTLS and a login.

use v5.36;

use Skep::Mailing;
use Skep::Test;

my $skep = skep();
my $m = Skep::Mailing->new(skep => $skep, tls => 'starttls',
                           login => ['skep', q{pass "word}]);
my $sink = $m->sink;

# the token in the link of a mail
sub token ($mail, $path) {
    my ($token) = $mail->text
                  =~ m{^https://app\.example/$path\?token=([A-Za-z0-9_-]{43})$}m;

    like($mail->html, qr{<a href="https://app\.example/$path\?token=$token"},
         'the page has the same link');
    return $token;
}


# verification

my $ann = $skep->user(email => 'Ann@Example.com', name => 'Ann');
$m->fan_out;
my $mail = $sink->mail(1);

is($mail->header('X-Sink-TLS'), 'TLSv1.3', 'it came by TLS');
is($mail->header('X-Sink-Login'), 'skep', 'after a login');
is($mail->header('X-Sink-From'), 'skep@example.org', 'from');
is($mail->header('X-Sink-To'), 'Ann@Example.com', 'to whom');

is_deeply([grep { !/^X-Sink/ } $mail->names],
          [qw(Date From To Subject Message-ID Auto-Submitted MIME-Version
              Content-Type)], 'its headers');
like($mail->header('Date'),
     qr/\A(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} \+0000\z/,
     'Date');
is($mail->header('From'), 'Skep <skep@example.org>', 'From');
is($mail->header('To'), '<Ann@Example.com>', 'To');
is($mail->subject, 'Confirm your e-mail address', 'Subject');
is($mail->header('Auto-Submitted'), 'auto-generated', 'Auto-Submitted');
like($mail->header('Message-ID'), qr/\A<[0-9a-f-]{36}\@example\.org>\z/,
     'Message-ID');
is(join(', ', map { $_->[0] } $mail->parts),
   'text/plain; charset=utf-8, text/html; charset=utf-8', 'text and page');
unlike($mail->raw, qr/[^\r]\n|\r[^\n]|[^\r\n]{77}/, 'lines are short');
unlike($mail->raw, qr/Ann,/, 'an unproved address is not told the name');

is($skep->post('/v1/auth/verify-email',
               { token => token($mail, 'verify-email') })->status,
   204, 'the token verifies');
ok($ann->get('/v1/me')->json->{email_verified}, 'the address is verified');


# a new password

$skep->post('/v1/auth/password-reset', { email => 'ann@example.com' });
Skep::Process::wait_until(5, sub {
    $m->fan_out;
    return $sink->count >= 2;
}, 0.1);
$mail = $sink->mail(2);
is($mail->subject, 'Set a new password', 'a reset');
is($skep->post('/v1/auth/password-reset/confirm',
               { token => token($mail, 'reset-password'),
                 new_password => 'battery staple' })->status,
   204, 'the token sets a password');
is($skep->post('/v1/auth/login', { email => 'ann@example.com',
                                   password => 'battery staple' })->status,
   200, 'which lets in');

is($m->states(2), 'sent sent', 'both are recorded');
is($skep->pg->value('SELECT count(*) FROM notify.mails
                     WHERE data IS NOT NULL'), 0, 'no token is left');


# notifications

my $bob = $skep->user(name => 'Bob');
$ann = $skep->login(bless { %$ann, password => 'battery staple' }, ref $ann);
$m->fan_out;
$sink->mail(3);

my $project = $bob->project(name => 'Garden', members => [[$ann, 'editor']]);
my $task = $bob->task(project_id => $project->{id}, title => 'Water');
$m->fan_out;
is($m->states(3), 'sent sent sent', 'no mail that nobody asked for');

$skep->pg->execute("INSERT INTO notify.settings (user_id, email_on)
                    VALUES ('@{[$ann->id]}', '{comment.created,task.updated}'),
                           ('@{[$bob->id]}', '{comment.created}')");
$bob->patch("/v1/tasks/$task->{id}", { priority => 'high' });
$m->fan_out;

$mail = $sink->mail(4);
is($mail->header('To'), '<Ann@Example.com>', 'a notification');
is($mail->subject, '[Garden] Changed: Water', 'its subject');
like($mail->text, qr/^Hello Ann,\n\nBob changed the task\n"Water"\nin Garden: priority\.\n\nhttps:\/\/app\.example\/tasks\/$task->{id}\n/,
     'its text');
like($mail->html, qr{<a href="https://app\.example/tasks/$task->{id}"},
     'its page');
is($mail->header('List-Unsubscribe'),
   '<https://app.example/settings/notifications>', 'List-Unsubscribe');
is($mail->header('References'), "<$task->{id}\@example.org>",
   'mails about a task are a thread');

$bob->post("/v1/tasks/$task->{id}/comments", { body => "Now!\n\nPlease." });
$m->fan_out;
like($sink->mail(5)->text, qr/\n\nNow!\n\nPlease\.\n\n/, 'a comment');
is($m->states(6), 'dropped sent sent sent sent sent',
   q{Bob's address is not verified, so he is sent none});


# an end and a beginning

is($m->stop_worker, 0, 'the worker ends');
$m->start;

$ann->post("/v1/tasks/$task->{id}/comments", { body => 'Done.' });
$m->fan_out;
$sink->mail(6);
is($sink->count, 6, 'nothing is sent twice');
is($m->stop_worker, 0, 'the worker ends again');
unlike($m->log, qr/example\.com|Ann|Water|battery|pass |[\w-]{43}/,
       'no text of anybody in the log, and no secret');
is(scalar(() = $m->log =~ /\) is sent, request_id: "[\w-]{36}"$/mg), 6,
   'a line for each mail') or diag($m->log);

$sink->stop_server;
finish();
