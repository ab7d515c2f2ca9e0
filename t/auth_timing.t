#!/usr/bin/env perl

# How long a refused login takes does not tell whether there is such an account:
# a Mann-Whitney test of 1,000 logins, known and unknown addresses in turn,
# repeated when it sees a difference that may be by chance.

use v5.36;

use List::Util qw(min);
use Skep::Test;
use Time::HiRes qw(time);

use constant {
    ALPHA  => 0.01,
    ROUNDS => 3,         # a difference that is there shows in each
    N      => $ENV{SKEP_TIMING_LOGINS} // 500,      # of each kind
    COST   => $ENV{SKEP_TIMING_COST} // 5,
};
use constant LIMIT => 60 * (N > 500 ? N / 100 : 1);   # seconds, all rounds

my $skep = skep(set => { auth_bcrypt_cost => COST });
my $started = time;


# The two-sided probability that two samples of one distribution differ as much
# as these: the normal approximation, with the correction for ties.

sub mann_whitney ($one, $other) {
    my @all = sort { $a->[0] <=> $b->[0] }
              (map { [$_, 0] } @$one), (map { [$_, 1] } @$other);
    my ($n, $m) = (scalar @$one, scalar @$other);
    my ($rank, $ties, $i) = (0, 0, 0);

    while ($i < @all) {
        my $j = $i;
        $j++ while $j + 1 < @all && $all[$j + 1][0] == $all[$i][0];

        my $t = $j - $i + 1;
        $rank += (($i + $j) / 2 + 1) * grep { !$_->[1] } @all[$i .. $j];
        $ties += $t ** 3 - $t;
        $i = $j + 1;
    }

    my $u = $rank - $n * ($n + 1) / 2;
    my $all = $n + $m;
    my $sd = sqrt($n * $m / 12 * ($all + 1 - $ties / ($all * ($all - 1))));
    my $z = $sd ? (abs($u - $n * $m / 2) - 0.5) / $sd : 0;

    return erfc($z / sqrt 2);
}

# Abramowitz and Stegun, 7.1.26: good to 1.5e-7
sub erfc ($x) {
    return 1 if $x <= 0;

    my $t = 1 / (1 + 0.3275911 * $x);

    return $t * (0.254829592 + $t * (-0.284496736 + $t * (1.421413741
           + $t * (-1.453152027 + $t * 1.061405429)))) * exp(-$x * $x);
}

sub p_of ($shift) {
    srand 7;
    return mann_whitney([map { rand } 1 .. N], [map { rand() + $shift } 1 .. N]);
}

sub one ($email, $password) {
    my $body = { email => $email, password => $password };
    my $text = $skep->client->format_request('POST', '/v1/auth/login',
                                             json => $body);
    my $begin = time;

    $skep->client->send($text);
    my $res = $skep->client->response;
    my $took = time - $begin;

    die 'not refused: ' . $res->status if $res->status != 401;
    return $took;
}

# Whether two kinds of logins can be told apart: the smallest of p, or undef
# when a round found none.

sub told_apart ($known, $other) {
    my @p;

    for my $round (1 .. ROUNDS) {
        my (@known, @other);

        for my $i (1 .. N) {
            # in an order that no drift of the machine's speed follows
            if ($i % 2) {
                push @known, one(@$known);
                push @other, one(@$other);
            } else {
                push @other, one(@$other);
                push @known, one(@$known);
            }

            last if time - $started > LIMIT && $i > 100;
        }

        push @p, mann_whitney(\@known, \@other);
        note(sprintf 'round %d: p = %.4f of %d and %d', $round, $p[-1],
             scalar @known, scalar @other);
        return undef if $p[-1] >= ALPHA;
    }

    return sprintf 'p = %s', join ', ', map { sprintf '%.2g', $_ } @p;
}


# the test itself sees what is there, and only that

cmp_ok(p_of(0), '>', 0.05, 'equal samples');
cmp_ok(p_of(0.2), '<', ALPHA, 'a shift by a fifth of the range');
cmp_ok(abs(mann_whitney([1 .. 10], [11 .. 20]) - 0.00018), '<', 0.00003,
       'a known value');


my $ann = $skep->user(email => 'known@example.com');
my $off = $skep->user(email => 'other@example.com');

$skep->pg->execute("UPDATE auth.users SET disabled_at = now()
                    WHERE id = '@{[$off->id]}'");
one('known@example.com', 'wrong horse') for 1 .. 20;

is(told_apart(['known@example.com', 'wrong horse'],
              ['nobody@example.com', 'wrong horse']), undef,
   'a known and an unknown address take the same time');

SKIP: {
    skip('the machine is too slow for one more', 1)
        if time - $started >= LIMIT / 2;

    is(told_apart(['nobody@example.com', 'wrong horse'],
                  ['other@example.com', $off->password]), undef,
       'and so does a disabled account with its password');
}


# An account of before the cost was raised, by 4: 16 times as long then.  What
# makes up for it are several hashes, each with its own beginning and end, so
# it is the same but for some per cent.

my $old = $skep->user(email => 'old@example.com');
my $ratio;

$skep->reconfigure(set => { auth_bcrypt_cost => COST + 4 });
$skep->reload;

for (1 .. ROUNDS) {
    my (@old, @none);

    for (1 .. 20) {
        push @old, one('old@example.com', 'wrong horse');
        push @none, one('nobody@example.com', 'wrong horse');
    }

    # the quickest: what else the machine does only adds to it
    $ratio = min(@old) / min(@none);
    note(sprintf 'an account of before the cost was raised: %.3f', $ratio);
    last if abs($ratio - 1) < 0.2;
}

cmp_ok(abs($ratio - 1), '<', 0.2, 'takes about as long');

finish();
