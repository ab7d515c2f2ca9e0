#!/usr/bin/env perl

# A server that refuses for now, for good, hangs or is away; a worker that ends
# in the middle.

use v5.36;

use Skep::Mailing;
use Skep::Process qw(wait_until);
use Skep::Test;

my $skep = skep();
my $pg = $skep->pg;
my $m = Skep::Mailing->new(skep => $skep, conf => {
    smtp_timeout => '2s', smtp_connect_timeout => '2s',
});
my $sink = $m->sink;
my $n = 0;

# someone who is to get a mail; what the server answers is said before
sub mail_with (@answers) {
    $sink->answers(@answers);
    my $user = $skep->user;
    $m->fan_out;
    return $user;
}

sub row ($user) {
    return $pg->query("SELECT status, attempts, coalesce(error, 'none'),
                              data IS NULL
                       FROM notify.mails WHERE user_id = '@{[$user->id]}'")->[0];
}

# once it is settled
sub settled ($user) {
    wait_until(15, sub { row($user)->[0] ne 'pending' });
    return row($user);
}

sub id_of ($user) {
    return $pg->value("SELECT id FROM notify.mails
                       WHERE user_id = '@{[$user->id]}'");
}


# for now

my $user = mail_with('RCPT 450 4.2.1 full');
is_deeply(settled($user), ['sent', 2, 'none', 't'], '450, then 250');
is($sink->mail(++$n)->header('X-Sink-To'), $user->email, 'one mail');
like($m->log, qr/\[warn\] .* mail @{[id_of($user)]} \(auth\.[a-z_]+\), attempt 1: SMTP 450: RCPT failed[^;]*; again in \d+ ms/,
     'a line tells of it');

for my $answers (['MAIL 451 4.3.0 later'], ['DATA 452 4.3.1 full'],
                 ['MAIL 421 4.3.2 going'], ['RCPT 450 no', 'DATA 451 no'],
                 ['MAIL 530 5.7.0 login first'])
{
    $user = mail_with(@$answers);
    is_deeply(settled($user), ['sent', 1 + @$answers, 'none', 't'],
              "@$answers: again");
    $n++;
}

$user = mail_with(('RCPT 450 4.2.1 full') x 4);
my $row = settled($user);
is_deeply([@$row[0, 1, 3]], ['failed', 3, 't'],
          'given up after the last attempt, without a secret left');
like($row->[2], qr/\ASMTP 450: RCPT failed/, 'with the reason');
like($m->log, qr/\[error\] .* mail @{[id_of($user)]} \S+ is given up after attempt 3: SMTP 450: /,
     'which the log says');
is(scalar($sink->answers_left), 1, 'three attempts');


# for good

for my $answer ('MAIL 553 5.1.8 no', 'RCPT 550 5.1.1 unknown',
                'DATA 554 5.6.0 spam')
{
    $user = mail_with($answer);
    $row = settled($user);
    is_deeply([@$row[0, 1, 3]], ['failed', 1, 't'], "$answer: given up");
    like($row->[2], qr/\ASMTP 55[034]: /, 'with the answer');
    unlike($row->[2], qr/@|spam|unknown/, 'and no text of the server');
}

is($sink->count, $n, 'none of these was sent');
unlike($m->log, qr/example\.com/, 'no address in the log');


# what hangs delays no other

my $slow = mail_with('RCPT hang');
wait_until(5, sub { $sink->answers_left == 0 });
my $quick = mail_with();
is($sink->mail(++$n)->header('X-Sink-To'), $quick->email, 'the next one goes');
is(row($slow)->[0], 'pending', 'while one hangs');
is_deeply(settled($slow), ['sent', 2, 'none', 't'],
          'which is tried again after a while');
$n++;


# a server that is away

$m->configure(smtp_schedule => '1h');
$m->reload;
$sink->stop_server;
$user = mail_with();
$row = $m->tried($user, 1);
is_deeply([@$row[0, 1, 3]], ['pending', 1, 't'],
          'nobody there: it stays, with its token');
like($row->[2], qr/connect/i, 'and the reason');
$sink->start;
$m->hurry;
is_deeply(settled($user), ['sent', 2, 'none', 't'], 'sent when it is back');
$n++;

$sink->freeze;
$user = mail_with();
$row = $m->tried($user, 1);
is($row->[0], 'pending', 'a server that hangs altogether');
$sink->thaw;
$m->hurry;
settled($user);
$n++;
is($sink->count, $n, 'one mail each');


# PostgreSQL goes while a mail is under way: it is written down later

$sink->freeze;
$user = mail_with();
wait_until(5, sub { row($user)->[1] == 1 });
$pg->stop_server('INT');
$sink->thaw;
$sink->mail(++$n);
$pg->start;
is_deeply(settled($user), ['sent', 1, 'none', 't'], 'without a second attempt');
$skep->wait_ready(10);


# a worker that is told to go has what it began taken

$sink->answers();
$sink->freeze;
$user = mail_with();
wait_until(5, sub { row($user)->[1] == 1 });
kill 'TERM', $m->{pid};
$m->says(qr/finishing/);
$sink->thaw;
is($m->stop_worker, 0, 'the worker ends');
is_deeply(row($user), ['sent', 1, 'none', 't'], 'and has sent it');
$sink->mail(++$n);


# the window: taken, but not written down

$user = mail_with('DATA lost');
$m->configure(smtp_schedule => '100ms');
$m->start;
is_deeply(settled($user), ['sent', 2, 'none', 't'], 'an answer that is lost');
my ($first, $second) = map { $sink->mail(++$n) } 1 .. 2;
is($first->header('Message-ID'), '<' . id_of($user) . '@example.org>',
   'Message-ID is that of the mail');
is($second->raw, $first->raw, 'it goes out again, the same');

$user = mail_with('DATA hang');
wait_until(5, sub { $sink->answers_left == 0 });
$m->kill_worker;
$m->start;

is(row($user)->[0], 'pending', 'a worker that was killed');
is(scalar($sink->count), $n, 'nobody sends before the lease runs out');
$m->hurry;
is_deeply(settled($user), ['sent', 2, 'none', 't'], 'then another does');
$n++;

is($m->stop_worker, 0, 'the worker ends');
$m->start;
mail_with();
$sink->mail(++$n);
is($sink->count, $n, 'what was sent is not sent again');
is($m->stop_worker, 0, 'the worker ends');

finish();
