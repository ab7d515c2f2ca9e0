#!/usr/bin/env perl

# auth_password_min_length, auth_password_refuse, and a raised auth_bcrypt_cost.

use v5.36;

use Skep::File;
use Skep::Process;
use Skep::Server;
use Skep::Test;

my $skep = skep();
my $pg = $skep->pg;
my $dir = $skep->dir;


sub register (%fields) {
    state $n = 0;

    return $skep->post('/v1/auth/register', {
        email => 'new' . $n++ . '@example.com', name => 'New',
        password => 'correct horse', %fields,
    });
}

sub login ($user, $password = $user->password) {
    return $skep->post('/v1/auth/login', { email => $user->email,
                                           password => $password });
}

sub cost ($user) {
    return $pg->value(<<~"SQL");
        SELECT substr(password_hash, 5, 2) FROM auth.users
        WHERE id = '@{[$user->id]}'
        SQL
}

sub settings (%set) {
    $skep->reconfigure(set => \%set);
    $skep->reload;
}

sub list ($name, @lines) {
    return $skep->nginx->write_file($name, join('', map { "$_\n" } @lines),
                                    0600);
}

# the token for a new password by mail
sub token ($user) {
    my ($n) = scalar(my @mails = $skep->mailed($user, 'password_reset'));

    $skep->post('/v1/auth/password-reset', { email => $user->email });
    Skep::Process::wait_until(5, sub {
        return $n < (@mails = $skep->mailed($user, 'password_reset'));
    });
    return $mails[0];
}


# a user of before

my $ann = $skep->user(password => '12345678');

is(cost($ann), '04', 'the cost of a hash');


# a longer minimum: for new passwords, not for those that there are

settings(auth_password_min_length => 12);

problem(register(password => 'elevenbytes', name => ''), 422,
        'validation_failed', ['/password', 'too_short'],
        ['/name', 'too_short'], 'register: 11 bytes');
status_is(register(password => 'twelve bytes'), 201, 'register: 12 bytes');
status_is(login($ann), 200, 'an old password of 8 bytes logs in');
problem($ann->put('/v1/me/password', { current_password => '12345678',
                                       new_password => 'elevenbytes' }),
        422, 'validation_failed', ['/new_password', 'too_short'],
        'a change: 11 bytes');
status_is($ann->put('/v1/me/password', { current_password => '12345678',
                                         new_password => 'twelve bytes' }),
          204, 'a change: 12 bytes');
problem($skep->post('/v1/auth/password-reset/confirm',
                    { token => 'x', new_password => 'elevenbytes' }),
        422, 'validation_failed', ['/new_password', 'too_short'],
        'a reset: 11 bytes');

settings();
status_is(register(password => '12345678'), 201, 'the default: 8 bytes');


# refused ones: in a file as large as such lists are

my @common = sort(map({ sprintf 'password%06d', $_ * 3 } 0 .. 99_999),
                  'aaaaaaaa', 'iloveyou1', 'zzzzzzzz', "p\xc3\xa4sswort",
                  'Capital Letters', 'x' x 72);
my $file = list('common', @common);

settings(auth_password_refuse => $file);

for my $password ($common[0], $common[-1], 'aaaaaaaa', 'iloveyou1', 'zzzzzzzz',
                  'password000000', 'password150000', 'password299997',
                  'ILoveYou1', 'Capital Letters', 'x' x 72, "p\x{e4}sswort",
                  "P\x{e4}ssWort")
{
    problem(register(password => $password), 422, 'validation_failed',
            ['/password', 'too_common'], "\"$password\" is refused");
}

for my $password ('password000001', 'password299998', 'aaaaaaa!', 'aaaaaaaaa',
                  'zzzzzzzzz', 'capital letters', 'x' x 71, '        ',
                  '~~~~~~~~', "\x{10ffff}" x 4)
{
    status_is(register(password => $password), 201,
              'one that is not in the file');
}

$ann = $skep->user;
problem($ann->put('/v1/me/password', { current_password => $ann->password,
                                       new_password => 'iloveyou1' }),
        422, 'validation_failed', ['/new_password', 'too_common'],
        'a change to one');
problem($ann->put('/v1/me/password', { current_password => 'wrong horse',
                                       new_password => 'iloveyou1' }),
        401, 'invalid_credentials', 'a wrong password comes first');

my $token = token($ann);

problem($skep->post('/v1/auth/password-reset/confirm',
                    { token => $token, new_password => 'iloveyou1' }),
        422, 'validation_failed', ['/new_password', 'too_common'],
        'a reset to one');
status_is($skep->post('/v1/auth/password-reset/confirm',
                      { token => $token, new_password => 'iloveyou2' }),
          204, 'the token is good for another');

# a file that is cut short under nginx: no crash, it is told, and what can't be
# looked up is not taken
truncate $file, 5 or die "$file: $!";
problem(register(password => 'password150000'), 500, 'internal_error',
        'a file cut short');
like($skep->nginx->log, qr/file of "auth_password_refuse" can't be read/,
     'is told');

# the list that comes with it: passwords that no list leaves out, in any case

settings(auth_password_refuse => Skep::Process::source_dir()
                                 . '/conf/refused-passwords.txt');

problem(register(password => $_), 422, 'validation_failed',
        ['/password', 'too_common'], "$_ is refused")
    for qw(password Password1 12345678 123456789 QWERTYUIOP qwerty123 1q2w3e4r
           iloveyou iloveyou1 11111111 1qaz2wsx football letmein1 trustno1
           welcome1 abcd1234 admin123 sunshine1 skep1234);
status_is(register(password => 'correct horse'), 201, 'others are not');
cmp_ok(scalar(() = Skep::File::slurp(Skep::Process::source_dir()
                                     . '/conf/refused-passwords.txt') =~ /\n/g),
       '>=', 3000, 'how many there are');


# one entry, and none
settings(auth_password_refuse => list('one', 'iloveyou1'));
problem(register(password => 'iloveyou1'), 422, 'validation_failed',
        ['/password', 'too_common'], 'a file of one line');
status_is(register(password => 'aaaaaaaa'), 201, 'that refuses no other');
settings(auth_password_refuse =>
         $skep->nginx->write_file('bare', 'iloveyou1', 0600));
problem(register(password => 'iloveyou1'), 422, 'validation_failed',
        ['/password', 'too_common'], 'a last line without a newline');
settings(auth_password_refuse => list('empty'));
status_is(register(password => 'iloveyou1'), 201, 'an empty file');


# the cost is raised: hashed anew at the next login, and not before

my $bob = $skep->user;

settings(auth_bcrypt_cost => 6);
is(cost($bob), '04', 'the hash of before');
is(login($bob, 'wrong horse')->status, 401, 'a wrong password');
is(cost($bob), '04', 'does nothing to it');
is(login($bob)->status, 200, 'the right one');
is(cost($bob), '06', 'hashes it anew');
is(login($bob)->status, 200, 'it is still the right one');
is(login($bob, 'wrong horse')->status, 401, 'and a wrong one a wrong one');

# several at once: each gets in, and the hash is one of theirs
my $carl = $skep->user;
settings(auth_bcrypt_cost => 7);
my @clients = map { $skep->new_client } 1 .. 4;
$_->send($_->format_request('POST', '/v1/auth/login',
         json => { email => $carl->email, password => $carl->password }))
    for @clients;
my @status = map { $_->response->status } @clients;
cmp_ok(scalar(grep { $_ == 200 } @status), '>=', 1, "four at once: @status");
is(cost($carl), '07', 'hashed anew');
is(login($carl)->status, 200, 'and logs in');

settings(auth_bcrypt_cost => 5);
is(login($carl)->status, 200, 'a lower cost');
is(cost($carl), '07', 'leaves it');


# faults of the configuration

sub fails ($name, $says, %set) {
    $skep->reconfigure(set => \%set);
    my ($ok, $out) = $skep->nginx->test_configuration;

    ok(!$ok, "$name: nginx -t fails");
    like($out, qr/\[emerg\].*$says/, "$name: it says why");
}

fails('a minimum of 7', 'must be', auth_password_min_length => 7);
fails('a minimum of 73', 'must be', auth_password_min_length => 73);
fails('no file', 'open\(\) ".*/none" failed \(2: ',
      auth_password_refuse => "$dir/none");
fails('not sorted', 'line 3 of ".*" is not in the order of bytes',
      auth_password_refuse => list('unsorted', 'a', 'c', 'b', 'd'));
fails('sorted as in a dictionary', 'line 2 of ".*" is not in the order',
      auth_password_refuse => list('locale', 'apple', 'Banana'));
fails('from elsewhere', 'line 1 of ".*" ends in a carriage return',
      auth_password_refuse => list('crlf', "a\r", "b\r"));
fails('no list', 'line 1 of ".*" is longer than 255 bytes',
      auth_password_refuse => list('long', 'x' x 256));
$skep->reconfigure(set => {});

finish();
