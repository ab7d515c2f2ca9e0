#!/usr/bin/env perl

# The configuration of mails: what is refused, and what a reload changes.

use v5.36;

use File::Copy qw(copy);
use Skep::File qw(spew);
use Skep::Mailing;
use Skep::Process qw(source_dir);
use Skep::Test;
use Time::HiRes qw(sleep);

my $skep = skep();
my $templates = $skep->dir . '/templates';
mkdir $templates;
copy($_, $templates) for glob source_dir() . '/conf/mail/*';

sub template ($name, $text) { spew("$templates/$name", $text) }


# without a server

my $m = Skep::Mailing->new(skep => $skep, conf => {
    mail_templates => $templates,
});
my %good = $m->{conf}->%*;

is($m->stop_worker, 0, 'the worker ends');
$m->configure(smtp_url => undef);
$m->start;
ok($m->says(qr/\[warn\] .* no "smtp_url": no e-mail is sent/), 'a warning');
my $ann = $skep->user;
$m->fan_out;
sleep 1.5;
is($skep->pg->value('SELECT attempts FROM notify.mails'), 0,
   'mails wait, without an attempt');
is(scalar(() = $m->log =~ /no "smtp_url"/g), 1, 'one warning');

$m->configure(smtp_url => $good{smtp_url});
$m->reload;
is($m->sink->mail(1)->header('To'), '<user1@example.com>',
   'until a reload knows a server');


# what is refused, by --check and by a reload

# the good one, with these changes
sub conf (%change) {
    $m->{conf} = { %good };
    $m->configure(%change);
}

sub refused ($why, %change) {
    conf(%change);

    my ($rc, $out) = $m->check;
    my ($name) = map { "$_ " . ($change{$_} // 'none') } (sort keys %change)[-1];

    is($rc, 1, "$name: is refused");
    like($out, $why, "$name: why");
}

my $form = qr/"smtp_url": the form is smtp:/;
refused($form, smtp_url => $_)
    for 'mail.example', 'http://mail.example', 'smtp://', 'smtp://a/b',
        'smtp://a?b', 'smtp://a:x';
refused(qr/"smtp_user" and "smtp_password_file" say/,
        smtp_url => 'smtp://skep:secret@127.0.0.1');
refused(qr/:\d+: "smtp_tls"/, smtp_tls => 'on');
refused(qr/only for a server on this host/, smtp_url => "smtp://$_",
        smtp_tls => 'off')
    for '192.0.2.1', '127.0.0.1.example', 'localhost.example', '[2001:db8::1]';
refused(qr/but "smtp_url" is smtps/, smtp_url => 'smtps://127.0.0.1',
        smtp_tls => 'off');
refused(qr/go together/, smtp_user => 'skep');
refused(qr/"smtp_helo" is the name/, smtp_helo => $_) for 'a b', '-a', 'a/b';
refused(qr/"smtp_schedule": the form/, smtp_schedule => '1 x');
refused(qr/needs "mail_from"/, mail_from => undef);
refused(qr/"mail_from": the form/, mail_from => $_)
    for 'Skep', 'a@b, c@d', 'a b@c';
refused(qr/needs "mail_base_url" or "mail_verify_url"/, mail_base_url => undef);
refused(qr/"mail_base_url" is to begin with/, mail_base_url => 'app.example');
refused(qr/"mail_reset_url" is to have \{token\}/,
        mail_reset_url => 'https://app.example/reset');
refused(qr/"mail_task_url" has a \{name\}/,
        mail_task_url => 'https://app.example/{task}');
refused(qr/No such file or directory/, mail_templates => '/nowhere');

conf(smtp_helo => 'skep.example.org',
     mail_verify_url => 'https://other.example/#/verify/{token}');
is(($m->check)[0], 0, 'a good one');
$m->stop_worker;                # connections are kept for some seconds
$m->start;
$skep->user;
$m->fan_out;
my $mail = $m->sink->mail(2);
is($mail->header('X-Sink-Helo'), 'skep.example.org', 'smtp_helo');
like($mail->text, qr{^https://other\.example/#/verify/[\w-]{43}$}m,
     'mail_verify_url');


# templates

template('auth.email_verification_requested.txt',
         "Willkommen, {{name}}\n\n{{link}}\n");
$skep->user;
$m->fan_out;
is($m->sink->mail(3)->subject, 'Confirm your e-mail address',
   'files are not looked at');
$m->reload;
$skep->user(name => "D\x{f6}rte");
$m->fan_out;
is($m->sink->mail(4)->subject, "Willkommen, D\x{f6}rte", 'until a reload');

template('comment.created.html', "<p>\n{{coment}}\n");
$m->reload;
ok($m->says(qr{\[error\] .*comment\.created\.html:2: unknown placeholder "coment"; the configuration stays}),
   'a template that is wrong is refused, with its line');
is(($m->check)[0], 1, 'by --check, too');
$skep->user;
$m->fan_out;
like($m->sink->mail(5)->subject, qr/\AWillkommen/, 'the old ones stay');

is($m->stop_worker, 0, 'the worker ends');
$m->start;
is(Skep::Process::reap($m->{pid}, 10) >> 8, 1, 'with it no worker starts');

finish();
