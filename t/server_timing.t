#!/usr/bin/env perl

# Server-Timing and the variables of the same: where the time of a request went.

use v5.36;

use Skep::Process qw(wait_until);
use Skep::Test;
use Time::HiRes qw(time);

my $skep = skep(
    set    => { api_pg_write_connections => 1 },
    http   => <<~'EOT',
        rate_limit_zone $auth_user zone=user:1m rate=1r/s;
        log_format times '$api_request_id auth=$api_time_auth '
                         'limit=$api_time_limit queue=$api_time_queue '
                         'db=$api_time_db pg=$api_pg_time';
        access_log %%DIR%%/times.log times;
        EOT
    server => <<~'EOT',
        api_server_timing on;

        location /silent {
            api_server_timing off;
            auth_token required;
            empty_gif;
        }
        location /bare { return 204; }
        location /limited {
            auth_token required;
            rate_limit zone=user burst=10;
            empty_gif;
        }
        EOT
);
my $user = $skep->user;
my $n = 0;


# The header as { part => ms }, and the line of the log as { part => seconds }.

sub spent ($from, @call) {
    my $id = 'times-' . $n++;
    my $res = $from->request(@call, headers => ['X-Request-ID', $id]);
    my $text = $res->header('Server-Timing');
    my $line;

    # the log is written after the response
    wait_until(2, sub {
        ($line) = grep { /^\Q$id\E / } split /\n/, $skep->nginx->log('times.log');
        return defined $line;
    });

    like($text, qr/\A(?:(?:\A|, )(?:auth|limit|queue|db);dur=\d+\.\d{3})+\z/,
         "@call[0, 1]: the header's form") if defined $text;

    return ({ map { /^(\w+);dur=([\d.]+)$/ } split /, /, $text // '' },
            { map { /^(\w+)=(.*)$/ } split / /, $line // '' });
}


my ($header, $log) = spent($user, 'GET', '/v1/tasks');

is(join(' ', sort keys %$header), 'auth db queue', 'what a read took');
is($log->{limit}, '-', 'no limit was asked');

for my $part (qw(auth queue db)) {
    like($log->{$part}, qr/\A\d+\.\d{6}\z/, "\$api_time_$part is in seconds");
    cmp_ok(abs($log->{$part} * 1000 - $header->{$part}), '<', 0.0015,
           'the same as in the header');
}

cmp_ok($header->{db}, '>', 0, 'PostgreSQL takes time');
cmp_ok(abs($log->{pg} - $log->{queue} - $log->{db}), '<', 0.002,
       '$api_pg_time is of the queue and the database');

($header, $log) = spent($skep, 'GET', '/v1/tasks');
is(join(' ', sort keys %$header), 'auth', 'a 401 has the header, too');
is("$log->{queue} $log->{db} $log->{pg}", '- - -',
   'what was not asked took no time');

($header) = spent($skep, 'GET', '/livez');
is_deeply($header, {}, 'no header where nothing is told');

is($user->get('/silent', plain => 1)->header('Server-Timing'), undef, 'off');
is($skep->get('/bare', plain => 1)->header('Server-Timing'), undef,
   'no part, no header');


# a password

($header) = spent($user, 'PUT', '/v1/me/password',
                  json => { current_password => $user->password,
                            new_password => $user->password });
is(join(' ', sort keys %$header), 'auth db queue', 'a password');
cmp_ok($header->{auth}, '>', 0.2, 'a hash is time for auth');


# a login: that an account was found would show in the time of the database

for my $password ($user->password, 'wrong horse') {
    ($header, $log) = spent($skep, 'POST', '/v1/auth/login',
                            json => { email => $user->email,
                                      password => $password });
    is_deeply($header, {}, 'a login tells no time');
    cmp_ok($log->{$_}, '>', 0, "but the log: $_") for 'auth', 'db';
}


# a limit that delays

$user->get('/limited', plain => 1);
my $res = $user->get('/limited', plain => 1);
like($res->header('Server-Timing'), qr/\Aauth;dur=\S+, limit;dur=\d{3,4}\.\d{3}\z/,
     'a delay is time for limits');


# a connection that is busy: one write runs, one is in its pipeline, the third
# has to wait in the queue

my $task = $user->task(title => 'Locked');
my $lock = $skep->pg->session;
$lock->hold('SELECT FROM task.tasks FOR UPDATE');

my @clients = map { $skep->new_client } 1 .. 3;

for my $i (0 .. 2) {
    $clients[$i]->send($clients[$i]->format_request(
        'PATCH', "/v1/tasks/$task->{id}", token => $user->token,
        json => { title => "Locked $i" }));
    select undef, undef, undef, 0.05;
}

select undef, undef, undef, 0.3;
$lock->send('COMMIT;');

my @parts = map {
    my $text = $_->response(method => 'PATCH')->header('Server-Timing');
    +{ $text =~ /(\w+);dur=([\d.]+)/g };
} @clients;

cmp_ok($parts[0]{db}, '>', 250, 'the first waited for the lock');
cmp_ok($parts[2]{queue}, '>', 250, 'the third for a connection');
cmp_ok($parts[0]{queue}, '<', $parts[2]{queue}, 'which the first had');

$_->close for @clients;
$lock->close;

finish();
