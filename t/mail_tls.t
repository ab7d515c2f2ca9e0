#!/usr/bin/env perl

# Nothing goes to a server over a connection that others can read, or to one
# that is another.

use v5.36;

use Skep::Mailing;
use Skep::Test;

my $skep = skep();

# a mail that is to get nowhere: why, once it was tried
sub stays ($m, $why, $name) {
    my $user = $skep->user;

    $m->fan_out;

    my $row = $m->tried($user, 1);

    is_deeply([@$row[0, 1, 3]], ['pending', 1, 't'], "$name: it stays");
    like($row->[2], $why, "$name: why");
    is($m->sink->count, 0, "$name: the server got nothing");
    return $user;
}

# the end of a worker, its sink and its mails
sub over ($m) {
    is($m->stop_worker, 0, 'the worker ends');
    $m->sink->stop_server;
    $skep->pg->execute('DELETE FROM notify.mails');
    unlink glob $skep->dir . '/sink/*';
}


# TLS from the beginning

my $m = Skep::Mailing->new(skep => $skep, tls => 'smtps',
                           login => ['skep', 'secret']);

$skep->user;
$m->fan_out;
my $mail = $m->sink->mail(1);
is($mail->header('X-Sink-TLS'), 'TLSv1.3', 'smtps');
is($mail->header('X-Sink-Login'), 'skep', 'a login');
over($m);


# a server without TLS

$m = Skep::Mailing->new(skep => $skep, conf => {
    smtp_tls => 'required', smtp_schedule => '1h',
});
stays($m, qr/STARTTLS/, 'a server that knows no TLS');
over($m);


# another's certificate

$m = Skep::Mailing->new(skep => $skep, tls => 'starttls',
                        conf => { smtp_schedule => '1h' });
my $ca = $m->sink->ca;
my ($rc) = Skep::Process::run(['openssl', 'req', '-x509', '-newkey', 'ec',
    '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', 2, '-subj',
    '/CN=Another CA', '-keyout', "$ca.key", '-out', "$ca.other"]);
is($rc, 0, 'another CA');
$m->configure(smtp_ca_file => "$ca.other");
$m->reload;
my $user = stays($m, qr/certificate/, 'a certificate of another CA');
$m->configure(smtp_ca_file => undef);
$m->reload;
$skep->pg->execute('DELETE FROM notify.mails');
stays($m, qr/certificate/, 'a certificate of a CA that nobody knows');

$m->configure(smtp_ca_file => $ca);
$m->reload;
$m->hurry;
is($m->sink->mail(1)->header('X-Sink-TLS'), 'TLSv1.3',
   'with the right one it goes, after a reload');
over($m);


# a certificate for another name

$m = Skep::Mailing->new(skep => $skep, tls => 'starttls', conf => {
    smtp_schedule => '1h',
});
$m->configure(smtp_url => 'smtp://127.0.0.2:' . $m->sink->port);
$m->stop_worker;
$m->start;
stays($m, qr/connect|certificate/, 'another address');
over($m);


# a password that is wrong: the operator's fault, so no mail is given up

$m = Skep::Mailing->new(skep => $skep, tls => 'starttls',
                        login => ['skep', 'secret'],
                        conf => { smtp_schedule => '1h' });
$m->configure(smtp_password_file => $skep->write_file('wrong', "another\n"));
$m->reload;
stays($m, qr/\ASMTP 535: .*[Ll]ogin/, 'a wrong password');
unlike($m->log, qr/secret|another/, 'no password in the log');
over($m);

finish();
