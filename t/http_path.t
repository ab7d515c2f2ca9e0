#!/usr/bin/env perl

# Paths and arguments that are written otherwise than by letters, digits and
# slashes: what means the same is the same, what does not is not there, and none
# leads to what its writer may not see, or past a limit.

use v5.36;

use JSON::PP ();
use Skep::Raw qw(answered);
use Skep::Test;

my $skep = skep(
    access_log => 1,
    http   => 'rate_limit_zone $binary_remote_addr zone=login:1m rate=1r/m;',
    server => 'location = /v1/auth/login { auth_api on; rate_limit zone=login burst=2 nodelay; }',
);
my $user = $skep->user;
my $task = $user->task(title => 'x', labels => ["caf\x{e9}", 'a b', 'a+b']);
my $id = $task->{id};

# Asks by HTTP/1.1, with the target as it stands.

sub asks ($target, $want, $name = undef) {
    $name //= 'GET ' . $target =~ s/([^!-~])/sprintf '\\x%02x', ord $1/ger;

    my ($res) = answered($skep, substr($name, 0, 60), $want,
        "GET $target HTTP/1.1\r\nHost: localhost\r\n"
        . 'Authorization: Bearer ' . $user->token . "\r\n\r\n");

    return $res;
}


# the same path by RFC 3986: escapes of what needs none, dots

for my $path ("/v1/tasks/$id", "/v1/%74asks/$id", "/v1/tasks/" . uc $id,
              '/v1/tasks/' . $id =~ s/-/%2d/gr, "/v1/./tasks/$id",
              "/v1/x/../tasks/$id", "/v1/x/%2e%2E/tasks/$id",
              "/%76%31/tasks/$id", "/v1/tasks/$id?", "/v1/tasks/$id?&")
{
    is(asks($path, '200 open')->json->{id}, $id, 'is the task');
}


# an encoded slash is no slash, whatever is behind or before it

for my $path ("/v1/tasks%2f$id", "/v1/tasks%2F$id", "/v1%2ftasks/$id",
              "/v1/tasks/x%2f..%2f$id", "/v1/x/..%2ftasks/$id",
              "/%2fv1/tasks/$id", "/v1/tasks/$id%2f", "/v1/tasks/$id/%2F",
              "/v1/tasks/%2f$id", "/v1/x%2f%2e%2e/tasks/$id",
              "/v1/auth%2flogin", "/v1/users%2f$id")
{
    problem(asks($path, '404 open'), 404, 'not_found', 'is not there');
}

problem($skep->request('DELETE', "/v1/tasks%2F$id", token => $user->token), 404,
        'not_found', 'nor for a write');
problem($skep->request('OPTIONS', "/v1%2Ftasks"), 404, 'not_found',
        'nor for OPTIONS');
is(asks("/v1/tasks?label=a%2Fb", '200 open')->json->{data}->@*, 0,
   'in an argument it is a character');


# what else is not that path

asks($_, '404 open')
    for "/v1/tasks/$id/", "/v1/tasks/$id;a=b", "/v1/tasks;/$id",
        "/v1/tasks/$id%20", "/v1/tasks/%20$id", "/v1/tasks/$id%3f",
        "/v1/tasks/$id%23", "/v1/tasks/%7B$id%7D", "/v1/tasks/$id%252f",
        "/v1\\tasks\\$id", "/v1%5ctasks%5c$id", "/v1/tasks/$id.json",
        "/v1/tasks/$id%0d%0aX:y", "/v1/tasks/$id%0a", "/v1/tasks/$id%01",
        "/v1/tasks/$id#", "/v1/tasks/$id#x", "/v1/tasks?limit=1#x",
        "/v1/tasks/$id\xe9", "/v1/tasks/%c0%af$id", "/v1%c0%afv1/tasks",
        "/v1/tasks/%e0%80%af$id", "/v1%ef%bc%8ftasks", '/v1/tasks/%ff%fe',
        '/v1/%c0%ae%c0%ae/tasks', '/V1/TASKS';

asks($_, '400 closed')
    for "/v1/tasks/$id%00", '/v1/tasks%00', '/%00', "/v1/tasks/%00/../$id",
        "/v1/tasks/$id%", "/v1/tasks/$id%2", "/v1/tasks/%zz", "/v1/tasks/%u002f",
        '/../v1/tasks', '/%2e%2e/v1/tasks', '/v1/../../v1/tasks',
        "/v1/tasks/$id\x01", "/v1/tasks/$id\x7f", "/v1/tasks/\x1b[31m$id";


# a limit of one path is that of all its ways to be written

my %body = (json => { email => $user->email, password => 'wrong horse' });

problem($skep->request('POST', '/v1/auth%2flogin', %body), 404, 'not_found',
        'an encoded slash does not lead there');

# the document that the witness has knows a path by one way alone
my $client = $skep->new_client;
delete $client->{witness};

my @status = map { $client->request('POST', $_, %body)->status }
             qw(/v1/auth/login /v1/auth/./login /v1/auth/x/../login
                /v1/auth/%6cogin /v1/%61uth/login //v1//auth//login);

is("@status", '401' . ' 429' x 5, 'and the limit can not be gone around');
$client->close;


# arguments

sub listed ($args, $count, $name) {
    my $res = asks("/v1/tasks?$args", '200 open', $name);

    is($res->json->{data}->@*, $count, $name) if $res;
}

listed('label=caf%C3%A9', 1, 'UTF-8 in an argument');
listed("label=caf\xc3\xa9", 1, 'UTF-8 as bytes');
listed('label=cafe%CC%81', 0, 'another text that looks the same');
listed('label=a+b', 1, '"+" is a blank');
listed('label=a%2Bb', 1, '"%2B" is "+"');
listed('l%61bel=a%20b', 1, 'a name that is encoded');
listed('label=%2500', 0, 'an escape of an escape');
listed('&&label=a+b&&', 1, 'empty ones are none');

sub refused ($args, $parameter, $code) {
    problem(asks("/v1/tasks?$args", '400 closed'), 400, 'invalid_parameter',
            [$parameter, $code],
            substr($args, 0, 30) =~ s/[^!-~]/?/gr . ": $code");
}

refused("label=$_", 'label', 'invalid_value')
    for '%00', 'a%00', '%00a', 'a%00%00b';
refused("label=$_", 'label', 'invalid_format')
    for '%c0%80', '%c0%af', '%e0%80%af', '%f0%80%80%af', '%ed%a0%80',
        '%f4%90%80%80', '%ff', '%80', '%', '%2', '%zz', '%u00e9', "\xff",
        "\xc0\xaf", '%c3', 'x%e2%82';
refused($_, $_, 'unknown_parameter')
    for 'label[]', 'label%5b%5d' =~ s/%5b%5d/[]/r, '__proto__', 'Label',
        'limit;label', '?limit';
refused('limit=1&limit=1', 'limit', 'repeated');
refused('limit=1&l%69mit=1', 'limit', 'repeated');
refused("limit=$_", 'limit', 'invalid_type')
    for '1%2e0', '0x1', '1e1', '%31a', '+1', '1;', '1,1', "1\xc2\xa0";
refused('limit=1%00', 'limit', 'invalid_value');
refused('label%00=x', "label\0", 'unknown_parameter');

my $many = asks('/v1/tasks?' . join('&', map { "a$_" } 1 .. 1200), '400 closed',
                'a flood of arguments');

cmp_ok(scalar $many->json->{errors}->@*, '<=', 50, 'is not all told of');
asks('/v1/tasks?' . '&' x 7000, '200 open', 'thousands of empty ones');


# every line of the access log is a JSON document, in UTF-8

my @bad = grep {
    my $line = $_;
    !utf8::decode($line) || !eval { JSON::PP->new->decode($line); 1 };
} split /\n/, $skep->nginx->log('json.log');

is("@bad", '', 'the log can be read, whatever was asked for');

finish();
