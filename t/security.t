#!/usr/bin/env perl

# docs/security.md and docs/security-standards.md: each test that they name is
# there, each row that claims something has one, and no requirement of the
# chapters of ASVS is left out or stands there twice.

use v5.36;

use Skep::File qw(slurp);
use Skep::Process qw(source_dir);
use Test::More;

my $root = source_dir();

# how many requirements each section has
my %asvs = (
    '1.1' => 2, '1.2' => 10, '1.3' => 12, '1.4' => 3, '1.5' => 3,
    '2.1' => 3, '2.2' => 3, '2.3' => 5, '2.4' => 2,
    '4.1' => 5, '4.2' => 5, '4.3' => 2, '4.4' => 4,
    '6.1' => 3, '6.2' => 12, '6.3' => 8, '6.4' => 6, '6.5' => 8, '6.6' => 4,
    '6.7' => 2, '6.8' => 4,
    '7.1' => 3, '7.2' => 4, '7.3' => 2, '7.4' => 5, '7.5' => 3, '7.6' => 2,
    '8.1' => 4, '8.2' => 4, '8.3' => 3, '8.4' => 2,
    '9.1' => 3, '9.2' => 4,
    '10.1' => 2, '10.3' => 5,
    '11.1' => 4, '11.2' => 5, '11.3' => 5, '11.4' => 4, '11.5' => 2,
    '11.6' => 2, '11.7' => 2,
    '12.1' => 5, '12.2' => 2, '12.3' => 5,
    '13.1' => 4, '13.2' => 6, '13.3' => 4, '13.4' => 7,
    '14.1' => 2, '14.2' => 8, '14.3' => 3,
    '15.1' => 5, '15.2' => 5, '15.3' => 7, '15.4' => 4,
    '16.1' => 1, '16.2' => 5, '16.3' => 4, '16.4' => 3, '16.5' => 4,
);


# [cells] of the tables whose last column is "test", by the heading above them

sub rows ($file) {
    my ($heading, $test, %rows) = ('', 0);

    for my $line (split /\n/, slurp("$root/docs/$file", utf8 => 1)) {
        $heading = $1 if $line =~ /^#+ (.*)/;
        $test = 0, next if $line !~ /^\|/;

        my @cells = map { s/\A\s+|\s+\z//gr }
                    split /(?<!\\)\|/, $line =~ s/\A\||\|\z//gr, -1;

        $test = 1, next if $cells[-1] eq 'test';
        push $rows{$heading}->@*, \@cells if $test && $cells[0] !~ /\A-+\z/;
    }

    return %rows;
}

my $check = slurp("$root/dev.d/check.sh") . slurp("$root/dev");

# a file, a unit test, a fuzz target, or a command with what it runs
sub there ($name) {
    return scalar grep { -f "$root/$_" }
                  "t/$name.t", "t/unit/$name.c", "t/fuzz/$name.c"
        if $name =~ /\A\w+\z/;

    # a family
    return scalar(my @family = glob "$root/t/$1*.t") if $name =~ /\A(\w+)\*\z/;

    my ($test) = $name =~ m{\A\./dev test (\w+)\z};

    my @files = $test ? glob "$root/t/$test/*.t" : ();

    return $test ? @files || -f "$root/t/unit/$test.c"
                   || $check =~ /^\s*(?:if .*= )?$test\b.*(?:then|\))$/m
                 : $name =~ m{\A\./dev (\w+)\z} && $check =~ /^\s*$1\(\)/m;
}

sub tests ($cell) { return $cell =~ /`([^`]*)`/g }


for my $file ('security.md', 'security-standards.md') {
    my %rows = rows($file);

    cmp_ok(scalar(keys %rows), '>', 2, "$file: its tables are found");

    for my $row (map { @$_ } @rows{sort keys %rows}) {
        my @tests = tests($row->[-1]);

        ok(there($_), "$file: $row->[0]: $_") for @tests;

        my $met = @$row == 5 ? $row->[2] : 'yes';

        ok(@tests || $met =~ /\A(?:no|none|yours)\z/,
           "$file: $row->[0]: a test");
        like($met, qr/\A(?:yes|part|no|none|yours)\z/,
             "$file: $row->[0]: whether it is met");
        ok($row->[3] ne '', "$file: $row->[0]: why")
            if @$row == 5 && $met =~ /\A(?:no|part)\z/;
    }
}


# no requirement is forgotten

my %rows = rows('security-standards.md');
my (%seen, %want);

for my $heading (grep { /\AV\d+ / } keys %rows) {
    my ($chapter) = $heading =~ /\AV(\d+) /;

    for my $number (map { split /, /, $_->[0] } $rows{$heading}->@*) {
        $seen{$number}++;
        like($number, qr/\A$chapter\.\d+\.\d+\z/, "$number stands in $heading");
    }
}

for my $section (keys %asvs) {
    $want{"$section.$_"} = 1 for 1 .. $asvs{$section};
}

is_deeply(\%seen, \%want, 'each requirement of ASVS once');
is_deeply([map { $_->[0] } $rows{'OWASP API Security Top 10 (2023)'}->@*],
          [map { "API$_" } 1 .. 10], 'the ten risks');
is_deeply([map { $_->[0] } $rows{'RFC 8725: JSON Web Tokens'}->@*],
          [map { "3.$_" } 1 .. 12], 'the sections of RFC 8725');


# what uses cryptography is known: a source that is not here has no row in the
# tables of it

my %openssl = map { $_ => 1 } qw(
    ngx_api_cursor.c ngx_api_idempotency.c ngx_api_module.c ngx_api_page.c
    ngx_api_uuid.c ngx_auth_bcrypt.c ngx_auth_digest.c ngx_auth_jwk.c
    ngx_auth_jwt.h ngx_auth_key.c ngx_auth_key.h ngx_auth_session.c
    ngx_auth_signature.c ngx_notify_secret.c
    skep_webhook_sign.c
);

is_deeply([sort map { s{.*/}{}r } grep { slurp($_) =~ /#include <openssl/ }
           glob "$root/ngx_*/*.[ch] $root/worker/*.[ch]"],
          [sort keys %openssl], 'the sources with cryptography');

for my $part (['Cryptography', 8], ['Data', 7]) {
    my ($text) = slurp("$root/docs/security-standards.md")
                 =~ /^## $part->[0]\n(.*?)(?=^## |\z)/ms;

    cmp_ok(scalar(() = ($text // '') =~ /^\| (?!--|what (?:for )?\|)/mg), '>=', $part->[1],
           "$part->[0]: what there is");
}


# the test itself tells what is not there
ok(!there($_), "there is no $_")
    for 'no_such', './dev test nothing_of_it', './dev nothing', 'nosuch_*', '';

done_testing();
