#!/usr/bin/env perl

# X-Request-ID: the client's, if it is well-formed, else one made here; in the
# response, in a problem's body, and in the log.

use v5.36;

use Skep::Test;

my $skep = skep(
    http   => <<~'EOT',
        log_format skep '$api_request_id|$request_method|$api_route|$api_error'
                        '|$api_pg_time|$auth_user|$status';
        access_log %%DIR%%/skep.log skep;
        EOT
    server => 'location = /plain { return 200 "$api_request_id"; }',
);
my $user = $skep->user;
my $made = qr/\A[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\z/;


sub id ($value, $target = '/livez') {
    return $skep->get($target, headers => ['X-Request-ID', $value])
                ->header('X-Request-ID');
}

for my $good ('a', '1', 'A.b_c-9', '-', '.', '_', 'x' x 64, nobody) {
    is(id($good), $good, "\"$good\" is taken");
    is(id($good, '/v1/tasks'), $good, 'in a problem, too');
}

for my $bad ('', 'x' x 65, 'a b', 'a/b', 'a"b', 'a,b', 'a;b', "\xc3\xa9",
             'a%20', "a\tb", '<script>', 'a:b', 'x' x 4000)
{
    like(id($bad), $made, 'not "' . substr($bad, 0, 20) . '"');
}

my %seen;
$seen{$skep->get('/livez')->header('X-Request-ID')}++ for 1 .. 200;
is(scalar keys %seen, 200, 'made ones are all different');
like((keys %seen)[0], $made, 'and UUIDv7');
is($skep->get('/plain', plain => 1, headers => ['X-Request-ID', 'mine'])->body,
   'mine', '$api_request_id is there where no API is');


# what the variables tell the log

sub logged (@call) {
    state $n = 0;
    my $id = 'log-' . $n++;

    $user->request(@call, headers => ['X-Request-ID', $id]);

    # the log is written after the response
    my $line = Skep::Process::wait_until(2, sub {
        my ($found) = grep { /^\Q$id\E\|/ }
                      split /\n/, $skep->nginx->log('skep.log');
        return $found;
    });

    return [ split /\|/, $line // '', -1 ];
}

my $task = $user->task(title => 'x');
my $line = logged('GET', "/v1/tasks/$task->{id}");

is($line->[2], '/v1/tasks/{id}', '$api_route is the template');
is($line->[3], '-', '$api_error of a success');
like($line->[4], qr/\A\d+\.\d{3}\z/, '$api_pg_time');
is($line->[5], $user->id, '$auth_user');

$line = logged('GET', '/v1/tasks/' . nobody);
is($line->[3], 'not_found', '$api_error');
is($line->[6], 404, 'and the status');

$line = logged('POST', '/v1/tasks', json => {});
is("@$line[1 .. 4]", 'POST /v1/tasks validation_failed -',
   'what PostgreSQL was not asked has no time');

$line = logged('GET', '/nowhere');
is("@$line[2, 3]", '- not_found', 'no route');

$line = logged('BREW', '/v1/tasks');
is("@$line[2, 3]", '/v1/tasks method_not_allowed', 'a method of no route');

finish();
