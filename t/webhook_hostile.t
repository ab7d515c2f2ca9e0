#!/usr/bin/env perl

# Receivers that misbehave: each attempt ends in time, is a failure and says so,
# takes no memory, and holds up nobody who answers well.

use v5.36;

use List::Util qw(max);
use Skep::Hooks;
use Skep::Proc qw(anonymous);
use Skep::Process qw(wait_until);
use Skep::Rude;
use Skep::Sanitizer;
use Test::More;
use Time::HiRes qw(sleep time);

use constant {
    TIMEOUT  => 2,
    PATIENCE => 10,             # seconds: what is due is looked for each second
};

my $hooks = Skep::Hooks->new(set => {
    webhook_schedule => '1h', webhook_timeout => TIMEOUT . 's',
    webhook_connect_timeout => '1s',
});
my $ok = "HTTP/1.1 200 OK\r\n";

# name => how it behaves, the status that it told, whether all of it was waited
# for, what the owner is told
my %bad = (
    'says nothing'          => [{}, undef, 1, qr/in time/],
    'accepts nobody'        => [{ deaf => 1 }, undef, 0, qr/connection|in time/],
    'closes at once'        => [{ close => 1 }, undef, 0, qr/closed/],
    'resets'                => [{ close => 'reset' }, undef, 0,
                                qr/closed|no connection/],
    'closes half'           => [{ close => 'half' }, undef, 0, qr/closed/],
    'slow headers'          => [{ greet => $ok . 'X: ' . 'y' x 100_000,
                                  drip => 0.02 }, 200, 1, qr/in time/],
    'slow body'             => [{ greet => "${ok}Content-Length: 9\r\n\r\n1" },
                                200, 1, qr/in time/],
    'a cut body'            => [{ greet => "${ok}Content-Length: 9\r\n\r\n1",
                                  close => 1 }, 200, 0, qr/within the answer/],
    'cut headers'           => [{ greet => "${ok}X: y", close => 1 }, 200, 0,
                                qr/within the answer/],
    'no end of headers'     => [{ greet => "${ok}X: y\r\n", close => 1 }, 200,
                                0, qr/within the answer/],
    'a slow status'         => [{ greet => 'H' x 1000, drip => 0.05 }, undef, 0,
                                qr/in time|no HTTP/],
    'endless headers'       => [{ greet => $ok, flood => "X: y\r\n" }, 200, 0,
                                qr/./],
    'one endless header'    => [{ greet => "${ok}X: ", flood => 'y' x 1000 },
                                200, 0, qr/headers are too long|in time/],
    'endless 100s'          => [{ flood => "HTTP/1.1 100 Continue\r\n\r\n" },
                                100, 0, qr/./],
    'endless 103s'          => [{ flood => "HTTP/1.1 103 Early Hints\r\n"
                                           . "Link: </x>\r\n\r\n" }, 103, 0,
                                qr/./],
    'a switch of protocols' => [{ greet => "HTTP/1.1 101 Switching Protocols\r\n"
                                           . "Upgrade: x\r\n"
                                           . "Connection: upgrade\r\n\r\n" },
                                101, 1, qr/in time/],
    'no HTTP'               => [{ greet => "SSH-2.0-OpenSSH_9\r\n", close => 1 },
                                undef, 0, qr/no HTTP/],
    'bad chunks'            => [{ greet => "${ok}Transfer-Encoding: chunked\r\n"
                                           . "\r\nzz\r\n" }, 200, 0, qr/./],
    'endless chunk header'  => [{ greet => "${ok}Transfer-Encoding: chunked\r\n"
                                           . "\r\n1;", flood => 'x' x 100 }, 200,
                                0, qr/./],
    'bad length'            => [{ greet => "${ok}Content-Length: -1\r\n\r\n" },
                                200, 0, qr/no HTTP/],
    'TLS: nothing'          => [{ scheme => 'https' }, undef, 0, qr/in time|TLS/],
    'TLS: nonsense'         => [{ scheme => 'https', flood => "\x16\x03\x03junk" },
                                undef, 0, qr/TLS/],
    'TLS: an alert'         => [{ scheme => 'https',
                                  greet => "\x15\x03\x03\x00\x02\x02\x28" },
                                undef, 0, qr/TLS/],
    'TLS: closes'           => [{ scheme => 'https', close => 1 }, undef, 0,
                                qr/TLS/],
);
my (%rude, %hook);

for my $name (sort keys %bad) {
    my %how = $bad{$name}[0]->%*;
    my $scheme = delete $how{scheme} // 'http';

    $rude{$name} = Skep::Rude->new(%how);
    $hook{$name} = $hooks->hook(url => $rude{$name}->url($scheme));
}

# and those that answer, but not well
my $receiver = $hooks->receiver;

$receiver->answer('/loop', { status => 302, headers => [
    Location => $receiver->url('/loop')] });
$hook{'redirects to itself'} = $hooks->hook(path => '/loop');
$bad{'redirects to itself'} = [{}, 302, 0, qr/redirect/];

my $good = $hooks->hook(path => '/good');
my $worker = $hooks->start;
my $memory = anonymous($worker->pid);
my $began = time;
my $event = $hooks->events;
my $most = 0;

is($hooks->wait_delivery($event, 'delivered', $good)->{status}, 'delivered',
   'who answers well has it');
cmp_ok(time - $began, '<', PATIENCE, 'soon');

wait_until(TIMEOUT + 8, sub {
    $most = max($most, anonymous($worker->pid));
    return $hooks->pg->value(<<~'SQL') == 0;
        SELECT count(*) FROM notify.deliveries
        WHERE attempts = 0
        SQL
}, 0.05);

for my $name (sort keys %bad) {
    my (undef, $status, $waits, $error) = $bad{$name}->@*;
    my $row = $hooks->delivery($event, $hook{$name});

    # on a machine that is busy it may not come to more
    my $late = !$waits && ($row->{error} // '') =~ /in time/;

    is("$row->{status} $row->{attempts}", 'pending 1', "$name: a failure");
    is($row->{response_status} // ($late ? $status : undef), $status,
       "$name: the status") if defined $status;
    like($row->{error} // '', qr/$error|in time/, "$name: why");
    cmp_ok($row->{duration_ms} // 1e9, '<', 1000 * TIMEOUT + 900,
           "$name: it ends in time");
    cmp_ok($row->{duration_ms} // 0, '>', 1000 * TIMEOUT - 100,
           "$name: and is waited for") if $waits;
    note(sprintf '%s: %s, %s, %d ms', $name, $row->{response_status} // '-',
         $row->{error} // '-', $row->{duration_ms} // -1);
}

note("$memory KB, at most $most KB");
cmp_ok($most - $memory, '<', 30_000, 'they took no memory to speak of')
    if !Skep::Sanitizer::on();


# again and again: no attempt is left over, and good ones are not delayed

my @late;

for my $n (1 .. 5) {
    $event = $hooks->events;
    $began = time;
    $hooks->wait_delivery($event, 'delivered', $good);
    push @late, time - $began;
    sleep 0.2;
}

note(join ' ', map { sprintf '%.3f', $_ } @late);
is(scalar(grep { $_ > PATIENCE } @late), 0, 'good ones are not delayed');

$_->stop_server for values %rude;
$hooks->finish;
