#!/usr/bin/env perl

# The journey of the README, as ./dev up prints it, in a stack of its own.

use v5.36;

use IO::Socket::INET;
use Skep::File qw(slurp spew);
use Skep::Nginx;
use Skep::Process qw(run source_dir tempdir);
use Skep::Response;
use Test::More;

my $dev = source_dir() . '/dev';
my $state = tempdir() . '/state';
my @state = ('--state', $state);
my $up;

sub free ($port) {
    return IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1,
                                 LocalPort => $port, ReuseAddr => 1);
}

sub dev ($command, @words) {
    my ($rc, $out) = run([$dev, $command, @state, @words], dir => '/',
                         timeout => 120);

    return wantarray ? ($rc, $out) : $rc;
}

END {
    dev('reset') if $up;
}


# nginx, the receiver of the journey, the worker
my $port;

do { $port = Skep::Nginx::free_port() }
    until !grep { !free($_) } $port + 10, $port + 1384;

my ($rc, $printed) = dev('up', '--port', $port);

$up = -e "$state/skep";
is($rc, 0, './dev up') or BAIL_OUT($printed);

my ($text) = $printed =~ /^Try it:\n\n(.*)\z/ms;
my $journey = spew(tempdir() . '/journey', $text);


# The lines of a first run.

($rc, my $out) = run(['sh', $journey], dir => '/', timeout => 120);
is($rc, 0, 'the journey');

# the receiver and the stream write to one output, maybe amidst a line
my $receives = qr/webhook \S{36} (\{.*\})\n/;
my ($webhook) = $out =~ /$receives/;

$out =~ s/$receives//;

my @json = map { Skep::Response::decode($_) }
           grep { /\A\{.*\}\z/ } split /\n/, $out;
my %event = map { $_->{type} => $_ } map { Skep::Response::decode($_) }
            $out =~ /^data: (.*)$/mg;

is_deeply([map { $_->{code} } grep { defined $_->{code} } @json],
          ['not_found'], 'no call is refused but the last one');
is_deeply([sort keys %event], ['task.completed', 'task.reopened'],
          'the stream shows what happened');

$webhook = defined $webhook ? Skep::Response::decode($webhook) : {};
is($webhook->{type}, 'task.completed', 'so does the webhook');
is($webhook->{id}, $event{'task.completed'}{id}, 'of the same id');
like($out, qr/^Subject: \[Garden\] Done: Feed the bees$/m, 'and the mail');

my ($inbox) = grep { ref $_->{data} eq 'ARRAY'
                     && ($_->{data}[0]{type} // '') eq 'task.reopened' } @json;

is_deeply([map { $_->{id} } $inbox->{data}->@*],
          [map { $event{$_}{id} } qw(task.reopened task.completed)],
          'and the inbox');


# again, as somebody may: the accounts are there

($rc, $out) = run(['sh', $journey], dir => '/', timeout => 120);
is($rc, 0, 'the journey again');
is(scalar(() = $out =~ /^event: /mg), 2, 'its stream');
is(scalar(() = $out =~ /$receives/g), 1, 'its webhook, one alone');


# what was started is stopped, and comes back

is(dev('up'), 0, './dev up again');
like((dev('mail', 'ada@example.com'))[1], qr/^To: ada\@example\.com$/m,
     './dev mail');

is(dev('down'), 0, './dev down');
ok(free($_), "port $_ is free") for $port, $port + 1384;

for my $name (qw(nginx/nginx.pid worker.pid mail.pid redis/redis.pid)) {
    my $pid = slurp("$state/$name", absent => undef) // next;

    ok($pid !~ /(\d+)/ || !-d "/proc/$1", "$name: it has ended");
}

is(dev('up'), 0, './dev up after it');
is(dev('reset'), 0, './dev reset');
ok(!-e $state, 'nothing is left');
$up = 0;

done_testing();
