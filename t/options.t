#!/usr/bin/env perl

# OPTIONS of every path of the API: 204 with its methods, whoever asks.

use v5.36;

use Skep::File qw(slurp);
use Skep::Process qw(source_dir);
use Skep::Test;

my $skep = skep();
my $user = $skep->user;


# what docs/openapi.yaml has, and t/openapi.t compares with the routes

my (%methods, $path);

for (split /\n/, slurp(source_dir() . '/docs/openapi.yaml')) {
    $path = $1 if /^  (\/\S*):$/;
    undef $path if /^\S/;
    push $methods{$path}->@*, uc $1
        if $path && /^    (get|post|put|patch|delete):$/;
}

cmp_ok(scalar keys %methods, '>', 10, 'there are paths');

for my $path (sort keys %methods) {
    my %has = map { $_ => 1 } $methods{$path}->@*;
    my $allow = join ', ', $has{GET} ? ('GET', 'HEAD') : (),
                grep({ $has{$_} } qw(POST PUT PATCH DELETE)), 'OPTIONS';
    my $target = $path =~ s/\{\w+\}/nobody/ger;

    for my $case (['without a token'], ['with one', token => $user->token],
                  ['with a bad one', token => 'x'],
                  ['with a query', query => '?x=1&limit=0'],
                  ['with a body', body => 'nonsense'])
    {
        my ($name, %o) = @$case;
        my $res = $skep->request('OPTIONS', $target . (delete $o{query} // ''),
                                 %o);

        status_is($res, 204, "OPTIONS $path, $name");
        is($res->header('Allow'), $allow, 'its methods');
        is($res->body, '', 'no body');
        is($res->header('Content-Length'), undef, 'nor a length of one');
    }
}

finish();
