#!/usr/bin/env perl

# docs/postman_collection.json: that it is of this document, that each call of
# the API is in it, and that Newman gets what the document says from each.

use v5.36;

use Skep::File qw(slurp spew);
use Skep::Process qw(reap run source_dir spawn wait_until);
use Skep::Receiver;
use Skep::Test;
use Skep::Tools qw(node share tool);

my $file = source_dir() . '/docs/postman_collection.json';


# of this document

my ($rc, $made) = run([node(source_dir() . '/dev.d/postman/generate.js',
                            share('openapi.json'))]);

is($rc, 0, 'the collection can be made') or diag($made);
ok($made eq slurp($file), 'and it is the one that is there')
    or diag('./dev postman makes it anew');

my $document = Skep::Response::decode(slurp(share('openapi.json')));
my @calls = map {
    my $item = $_;
    map { $item->{$_}{operationId} }
        grep { /\A(?:get|post|put|patch|delete)\z/ } keys %$item;
} values $document->{paths}->%*;

cmp_ok(scalar @calls, '>', 50, 'the document has calls');


# against a server

my $skep = skep(
    redis  => 1,
    set    => { notify_stream => Skep::Worker::STREAM },
    server => 'location = /status { stub_status; }',
    http   => 'notify_webhook_http on; notify_webhook_allow_address 127.0.0.1;',
);
my $receiver = Skep::Receiver->new(dir => $skep->dir);
my $url = 'http://127.0.0.1:' . $skep->port;
my $report = $skep->dir . '/newman.json';

# what it runs as
sub command ($file, $set, @options) {
    unlink $report;

    return [tool('newman'), 'run', $file, @options, '--reporters', 'json',
            '--reporter-json-export', $report,
            map { ('--env-var', "$_=$set->{$_}") } sort keys %$set];
}

# what it found
sub result ($rc) {
    my $run = -e $report ? Skep::Response::decode(slurp($report))->{run} : {};
    my @faults = map {
        join ' ', map { $_ // () } $_->{source}{name}, $_->{error}{name},
                  $_->{error}{test}, $_->{error}{message};
    } ($run->{failures} // [])->@*;

    return {
        rc => $rc, faults => \@faults,
        done => [map { $_->{item}{id} } ($run->{executions} // [])->@*],
        assertions => $run->{stats}{assertions}{total} // 0,
    };
}

sub newman (@words) {
    my ($rc, $out) = run(command(@words), timeout => 180);

    diag($out) if length $out;
    return result($rc);
}


# The worker comes after the mails that hold tokens: it would take those.

my $admin = $skep->admin;
my $user = $skep->user;

status_is($user->post('/v1/auth/password-reset', { email => $user->email }),
          202);

my %token = map { $_ => ($skep->mailed($user, $_))[0] }
            qw(email_verification password_reset);

$skep->add_worker(conf => { webhook_allow_http => 'on',
                            webhook_allow_address => '127.0.0.1' });
$skep->worker->start->ready or die "never ready:\n" . $skep->worker->log;

my $all = newman($file, {
    base_url           => $url,
    webhook_url        => $receiver->url('/hook'),
    admin_email        => $admin->email,
    admin_password     => $admin->password,
    verification_token => $token{email_verification},
    reset_token        => $token{password_reset},
});

is($all->{rc}, 0, 'Newman passes');
is_deeply($all->{faults}, [], 'no call fails');
cmp_ok($all->{assertions}, '>', 2 * @calls, 'and each is looked at');
ok($receiver->wait_for('/hook', 1), 'the webhook is sent');


# the stream, which ends with its session

my $reader = $skep->user;
my $pid = spawn(
    cmd => command($file, { base_url => $url, follow => 'yes',
                            token => $reader->token },
                   '--folder', 'Follow notifications live'),
    out => $skep->dir . '/newman.log',
);

ok(wait_until(30, sub {
    # this request, and that of the stream
    my $status = $skep->get('/status', plain => 1)->body;
    return $status =~ /Writing: 2 /;
}, 0.1), 'Newman follows the stream');
status_is($reader->post('/v1/auth/logout'), 204);

my $follow = result(reap($pid, 30));

is($follow->{rc}, 0, 'and passes when it ends')
    or diag(slurp($skep->dir . '/newman.log'));
is_deeply($follow->{faults}, [], 'without a fault');

my %done = map { s/\..*//r => 1 } map { $_->{done}->@* } $all, $follow;

is_deeply([sort keys %done], [sort @calls], 'every call was made');


# that its tests find something

my $wrong = $skep->dir . '/wrong.json';
my $text = slurp($file);

is($text =~ s/\\"expires_in\\":\{\\"type\\":\\"\Kinteger/string/, 1,
   'another type in a schema');

spew($wrong, $text);

my $bad = newman($wrong, { base_url => $url }, '--folder', 'Begin');

isnt($bad->{rc}, 0, 'Newman fails');
is_deeply([map { /^AssertionError as the document says /
                 ? 'schema' : $_ }
           map { s/^(?:Register a colleague|Register|Log in) //r }
           $bad->{faults}->@*],
          [('schema') x 3], 'by the schema of each answer that has it');

finish();
