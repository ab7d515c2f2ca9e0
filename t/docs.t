#!/usr/bin/env perl

# Links of the documentation lead to files and headings that are there; each
# page is reached from the README; and pictures are of a kind that is rendered.

use v5.36;

use File::Basename qw(dirname);
use Skep::File qw(slurp);
use Skep::Process qw(source_dir);
use Test::More;

my $root = source_dir();
my @files = map { s{^\Q$root/}{}r }
            glob "$root/{README,CHANGES}.md $root/docs/*.md $root/bench/*.md";

sub text ($file) { return slurp("$root/$file", utf8 => 1) }

# without what is shown as code
sub prose ($file) {
    return text($file) =~ s/^```.*?^```$//gmsr =~ s/^ {4}.*$//gmr
                       =~ s/`[^`\n]*`//gr;
}

# the names that headings have as targets of links
sub anchors ($file) {
    my (%seen, @anchors);

    for my $heading (text($file) =~ s/^```.*?^```$//gmsr =~ /^#+ (.*)$/mg) {
        my $name = lc($heading =~ s/[`*]//gr) =~ s/[^\w -]//gr =~ tr/ /-/r;

        push @anchors, $seen{$name}++ ? "$name-" . ($seen{$name} - 1) : $name;
    }

    return @anchors;
}


my %linked;

for my $file (@files) {
    for my $link (prose($file) =~ /\]\(([^)\s]+)\)/g) {
        next if $link =~ m{\Ahttps?://|\Amailto:};

        my ($path, $anchor) = $link =~ /\A([^#]*)(?:#(.*))?\z/;
        my $dir = dirname($file);
        my $to = $path eq '' ? $file : $dir eq '.' ? $path : "$dir/$path";

        1 while $to =~ s{(?:\A|(?<=/))(?!\.\.)[^/]+/\.\./}{};
        $linked{$file}{$to} = 1;

        ok(-e "$root/$to", "$file: $link") or next;
        next if !defined $anchor;

        ok((grep { $_ eq $anchor } anchors($to)),
           "$file: $link: the heading is there");
    }
}

# from the README on
my %reached;
my @next = ('README.md');

while (defined(my $file = shift @next)) {
    push @next, keys $linked{$file}->%* if !$reached{$file}++;
}

ok($reached{$_}, "$_ is reached from the README") for grep { m{^docs/} } @files;


# the tests that docs/security.md names, in the last column of its tables

my @promises = text('docs/security.md') =~ /^\|.*\| ([^|]*`\S+`) \|$/mg;
my @tests = map { /`([a-z_]+\*?)`/g } @promises;

cmp_ok(scalar @tests, '>', 30, 'promises have tests');

for my $test (@tests) {
    my @found = glob "$root/t/$test.t";

    ok(@found && -e $found[0], "docs/security.md: t/$test.t");
}


for my $file (@files) {
    my @blocks = text($file) =~ /^```mermaid\n(.*?)^```$/gms or next;

    is(scalar(grep { /\A(?:flowchart|sequenceDiagram|stateDiagram-v2|erDiagram)\b/ }
              @blocks), scalar @blocks, "$file: pictures");
    is(scalar(grep { /\AsequenceDiagram/ && /;/ } @blocks), 0,
       "$file: a semicolon would end a message");
}

done_testing();
