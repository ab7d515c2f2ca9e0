#!/usr/bin/env perl

# A mail server that does not answer QUIT holds up nobody: neither other mails
# and webhooks, nor the end of the worker.

use v5.36;

use Skep::Mailing;
use Skep::Process qw(wait_until);
use Skep::Receiver;
use Skep::Rude;
use Skep::Test;
use Time::HiRes qw(sleep time);

use constant {
    KEPT     => 16,             # seconds that a connection is kept, and one more
    PATIENCE => 15,             # far less than libcurl waits for an answer
};

my $skep = skep(set => { notify_webhook_allow_address => '127.0.0.1',
                         notify_webhook_http => 'on' });
my $receiver = Skep::Receiver->new(dir => $skep->dir);
my $go = [qr/\ADATA/ => "354 go\r\n"];
my $silent = [qr/\AQUIT/ => undef];
my $greet = "220 rude\r\n";

my $takes = Skep::Rude->new(greet => $greet, lines => [$go, $silent]);
my $refuses = Skep::Rude->new(
    greet => $greet, lines => [[qr/\ARCPT/ => "450 later\r\n"], $go, $silent],
);
my $m = Skep::Mailing->new(skep => $skep, conf => {
    smtp_url => _url($refuses), smtp_timeout => '3s',
    smtp_schedule => join(' ', ('200ms') x 20),
    webhook_allow_http => 'on', webhook_allow_address => '127.0.0.1',
});

sub _url ($rude) { return 'smtp://127.0.0.1:' . $rude->port }


# another one that is due: whether it is sent soon

sub sent_soon ($what) {
    my $before = () = $m->log =~ / is sent/g;

    $skep->user;
    $m->fan_out;
    ok(wait_until(PATIENCE, sub {
        my $n = () = $m->log =~ / is sent/g;
        return $n > $before;
    }), $what) or diag($m->log);
}


# it refuses, and is told QUIT

$skep->user for 1 .. 6;
$m->fan_out;
ok(wait_until(PATIENCE, sub {
    my $n = () = $m->log =~ /SMTP 450/g;
    return $n >= 12;
}), 'mails that are put off are tried again and again') or diag($m->log);

$m->configure(smtp_url => _url($takes));
$m->reload;
sent_soon('another server, the next mail');
ok(wait_until(PATIENCE, sub { $m->log =~ /(?: is sent.*){7}/s }),
   'and those that were put off');


# it takes a mail, and the connection is kept, and ended when it is of no use

sleep KEPT;
sent_soon('the next mail, when connections have ended');


# the same while webhooks are sent all the time

my $owner = $skep->user;
my $n = 0;

status_is($owner->post('/v1/webhooks', { url => $receiver->url('/hook'),
                                         events => ['*'] }), 201, 'a webhook');
sent_soon('a mail');

for (my $until = time + KEPT; time < $until; sleep 0.5) {
    $n++ if $owner->post('/v1/tasks', { title => 'x' })->status == 201;
    $m->fan_out;
}

ok($receiver->wait_for('/hook', $n, PATIENCE),
   "the receiver has heard of all $n");
sent_soon('the next mail');


# the worker ends, and the connection with it

my $began = time;

is($m->stop_worker, 0, 'the worker ends');
note(sprintf '%.3f s', time - $began);

$_->stop_server for $takes, $refuses, $receiver;
finish();
