#!/usr/bin/env perl

# Keys of a rate limit whose hashes are the same are still keys of their own:
# whoever can choose a key can find such ones, and must not count for another.

use v5.36;

use Skep::Test;

# three keys of one hash, in each row
my @same = map { [split] } split /\n/, <<~'EOT';
    key82551 key9965164 key12202529
    key1893483 key18296317 key20767766
    key1711568 key18296732 key20767343
    key1076774 key27115283 key28934816
    EOT


# MurmurHash2, as of nginx, of a text whose length is whole words and 0 to 3
# bytes

sub hash ($text) {
    use integer;
    my $m = 0x5bd1e995;
    my $h = length $text;
    my $cut = sub ($n) { $n & 0xffffffff };

    for my $word (unpack 'V*', substr $text, 0, length($text) & ~3) {
        my $k = $cut->($word * $m);

        $k = $cut->(($k ^ $k >> 24) * $m);
        $h = $cut->($h * $m) ^ $k;
    }

    my $rest = substr $text, length($text) & ~3;

    if ($rest ne '') {
        $h = $cut->(($h ^ unpack 'V', "$rest\0\0\0") * $m);
    }

    $h = $cut->(($h ^ $h >> 13) * $m);
    return $h ^ $h >> 15;
}

for my $row (@same) {
    my %hashes = map { hash($_) => 1 } @$row;

    is(scalar keys %hashes, 1, "one hash: @$row") or BAIL_OUT('no collision');
}


my $skep = skep(pg => 0, conf => <<~"EOT");
    http {
        @{[Skep::Nginx::http_paths()]}

        rate_limit_zone \$http_x_key zone=a:1m rate=1r/h;
        root %%DIR%%;

        server {
            listen 127.0.0.1:%%PORT%%;

            location = /ok {
                rate_limit zone=a;
            }
        }
    }
    EOT

$skep->nginx->write_file('ok', "ok\n");

sub get ($key) {
    return $skep->get('/ok', plain => 1, headers => ['X-Key', $key])->status;
}

# by each order of a row's keys there is a way in the tree that they take

for my $turn (0 .. 3) {
    my ($a, $b, $c) = $same[$turn]->@*;
    my @keys = ([$a, $b, $c], [$c, $b, $a], [$b, $a, $c], [$b, $c, $a])[$turn]
               ->@*;

    is(get($_), 200, "$_: the first") for @keys;
    is(get($_), 429, "$_: and the last") for @keys;
}

finish();
