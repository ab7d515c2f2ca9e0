#!/usr/bin/env perl

# Slow clients under the times of conf/nginx.conf, a tenth of each: whoever does
# not send a header, a body, or does not take an answer is hung up on in time, the
# others are served, and nothing is left.  t/http/slow.t has thousands of them.

use v5.36;

use Skep::File qw(slurp);
use Skep::Process qw(source_dir wait_until);
use Skep::Slow;
use Skep::Test;

my @times = qw(client_header_timeout client_body_timeout api_body_timeout
               send_timeout);
my $root = source_dir();


# what faces clients has such times, all the same; and more descriptors than
# connections

my %shipped;

for my $file (glob "$root/conf/nginx.conf $root/conf/examples/*.conf "
                   . "$root/conf/docker/gateway.conf")
{
    my $text = slurp($file) =~ s/^\s*#.*//mgr;
    my $name = $file =~ s{\Q$root\E/conf/}{}r;
    my ($connections) = $text =~ /\bworker_connections (\d+);/ or next;
    my ($descriptors) = $text =~ /^worker_rlimit_nofile (\d+);/m;

    cmp_ok($descriptors // 0, '>=', 2 * $connections,
           "$name: descriptors for its connections");
    next if $name =~ /service-/;

    for my $time (@times) {
        my ($seconds) = $text =~ /^\s*$time (\d+)s;/m;

        next if $time eq 'api_body_timeout' && $name =~ /gateway/;
        ok($seconds, "$name: $time") or next;
        is($seconds, $shipped{$time} //= $seconds, "$name: as the others");
    }

    like($text, qr/^\s*reset_timedout_connection on;/m,
         "$name: what was not taken is given up");
}


my $skep = skep(
    access_log => 1,
    http => 'reset_timedout_connection on;'
            . join('', map { "$_ " . $shipped{$_} * 100 . 'ms;' } @times),
);
my $user = $skep->user;
my $other = $skep->user;
my @tasks = map { $user->task(title => "Task $_", description => 'x' x 19000) }
            1 .. 60;
my $before = $skep->resources;
my $format = $skep->new_client;

sub request (@call) { return $format->format_request(@call, token => $user->token) }

my %common = (rcvbuf => 2048);
my $post = request('POST', '/v1/tasks', type => 'application/json',
                   body => '{"title":"', headers => ['Content-Length', 60000]);

my @kinds = (
    { name => 'say nothing', count => 20 },
    { name => 'send a header byte by byte', count => 60,
      bytes => "GET /v1/tasks HTTP/1.1\r\nHost: x\r\nX: ", drip => 'x' },
    { name => 'send headers without an end', count => 60,
      bytes => "GET /v1/tasks HTTP/1.1\r\nHost: x\r\n", drip => "a:\r\n" },
    { name => 'send a body byte by byte', count => 40, bytes => $post,
      drip => 'y' },
    { name => 'send chunks byte by byte', count => 40, drip => "1\r\ny\r\n",
      bytes => request('POST', '/v1/tasks', type => 'application/json',
                       body => "2\r\n{\"\r\n",
                       headers => ['Transfer-Encoding', 'chunked']) },
    { name => 'stop amid a body', count => 20, bytes => $post },
    { name => 'take no answer', count => 20, %common,
      bytes => request('GET', '/v1/tasks?limit=60') x 3 },
    { name => 'take no stream of answers', count => 10, %common,
      bytes => request('GET', '/v1/tasks?limit=60') x 20 },
);
my $slow = Skep::Slow->start(port => $skep->port, pause => 0.2,
                             kinds => \@kinds);


# the others, meanwhile

my @small = map { $other->task(title => "Of another, $_") } 1 .. 20;

my $load = Skep::Load->start(port => $skep->port, connections => 2, next => sub {
    my $task = $small[rand @small];

    return {
        method => 'GET', target => "/v1/tasks/$task->{id}", kind => 'get',
        token  => $other->token,
        check  => sub ($res, $journal) {
            return $res->status == 200 && $res->json->{id} eq $task->{id}
                   ? undef : 'another answer';
        },
    };
});

ok(wait_until(60, sub {
    my $told = $slow->told;

    return %$told && !grep { $told->{$_->{name}}{each} < $_->{count} } @kinds;
}, 0.2), 'each of the slow ones is hung up on');

load_is_clean($load->stop, 'the others are served');

my $told = $slow->stop;

for my $kind (@kinds) {
    my $name = $kind->{name};
    my $what = $told->{$name};

    note(sprintf '%s: %d opened, %d ended, at most %.1f s', $name,
         $what->@{qw(opened ended longest)});
    cmp_ok($what->{each}, '==', $kind->{count},
           "those who $name are hung up on");
}

is($skep->pg->value("SELECT count(*) FROM task.tasks WHERE title LIKE 'y%'"), 0,
   'nothing of theirs was written');

my $late = grep { /"method":"POST".*"status":408/ }
           split /\n/, $skep->nginx->log('json.log');

cmp_ok($late, '>', 40, 'bodies that are late are in the log');
like($skep->nginx->log, qr/client did not send its body in time/,
     'and why');
$skep->client->close;
resources_are($skep, $before);

finish();
