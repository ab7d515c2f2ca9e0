#!/usr/bin/env perl

# docs/directives.md has every directive and variable of the modules, each with
# its contexts, and nothing that is not there.

use v5.36;
use utf8;

use Skep::File qw(slurp);
use Skep::Process qw(source_dir);
use Test::More;

binmode Test::More->builder->$_, ':utf8'
    for qw(output failure_output todo_output);

my $root = source_dir();

my $docs = slurp("$root/docs/directives.md", utf8 => 1);
my $code = join '', map { slurp($_) } glob "$root/ngx_*_module/*.[ch]";


# directives: the rows of tables of ngx_command_t

my %contexts = (MAIN => 'http', SRV => 'server', LOC => 'location');
my %command;

while ($code =~ /\{ \s* ngx_string\("(\w+)"\), \s* (NGX_[A-Z0-9_|\s]+),/gx) {
    my ($name, $flags) = ($1, $2);
    my @flags = $flags =~ /\bNGX_HTTP_(MAIN|SRV|LOC)_CONF\b/g or next;

    $command{$name} = join ', ', map { $contexts{$_} } @flags;
}

# and their entries
my %entry;

while ($docs =~ /^### (\w+_\w+)\n\n(.*?)(?=^##|\z)/gms) {
    my ($name, $body) = ($1, $2);

    ok(!$entry{$name}, "$name: one entry");
    $entry{$name} = $body;
}

cmp_ok(scalar keys %command, '>', 45, 'directives are found');
is_deeply([sort keys %entry], [sort keys %command],
          'every directive has an entry, and no other');

for my $name (sort keys %entry) {
    my ($syntax, $default, $context, $says) = $entry{$name} =~ m{
        \A \ {4}Syntax:\ \ \ (.*?)\n
        \ {4}Default:\ \ ([^\n]*)\n
        \ {4}Context:\ \ ([^\n]*)\n
        \n (.*)
    }xms;

    ok(defined $says, "$name: Syntax, Default and Context") or next;
    like($syntax, qr/\A\Q$name\E .*;\z/s, "$name: its syntax is its own");
    like($default, qr/\A(?:—\z|\Q$name\E \S.*;)/, "$name: so is its default");
    is($context, $command{$name}, "$name: its contexts");
    cmp_ok(length $says, '>', 60, "$name: what it does");
    like($says, qr/^ {4}.*\b$name\b/m, "$name: an example");
}


# variables: the rows of tables of ngx_http_variable_t, and what is listed as
# one

my %variable = map { $_ => 1 } $code =~ m{
    \{ \s* ngx_string\("(\w+)"\), \s* (?:NULL|ngx_\w+), \s* ngx_\w+variable\w*,
}gx;
my %listed;

while ($docs =~ /^### Variables\n(.*?)(?=^##|\z)/gms) {
    my $section = $1;
    my @rows = $section =~ /^(?:\| |- )((?:`\$\w+`(?:, )?)+)/mg;

    $listed{$_ =~ s/NAME\z//r} = 1 for map { /\$(\w+)/g } @rows;
}

cmp_ok(scalar keys %variable, '>', 10, 'variables are found');
is_deeply([sort keys %listed], [sort keys %variable],
          'every variable is listed, and no other');


# what is linked to is there

my %anchor = map { s/[^\w -]//gr =~ tr/A-Z /a-z-/r => 1 }
             $docs =~ /^#+ (.*)$/mg;

ok($anchor{$_}, "#$_ is there") for $docs =~ /\]\(#([\w-]+)\)/g;

done_testing();
