package Skep::Tools;

# Tools of npm, which ./dev test installs for the tests that use this module:
# see dev.d/npm.sh and t/tools/package.json.

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw(tool node share);


# where the packages are
sub modules {
    return "$ENV{SKEP_BUILD}/npm/tools/node_modules";
}


# tool(NAME): the path of a command
sub tool {
    my ($name) = @_;
    my $path = modules() . "/.bin/$name";

    -x $path or die "there is no $path: run this by ./dev test\n";

    return $path;
}


# node(SCRIPT, ARG...): the command that runs a script of ours, which may
# require those packages
sub node {
    my @command = @_;

    return ('env', 'NODE_PATH=' . modules(), 'node', @command);
}


# share(NAME): the path of what ./dev share has made
sub share {
    my ($name) = @_;
    my $path = "$ENV{SKEP_BUILD}/share/$name";

    -e $path or die "there is no $path: run this by ./dev test\n";

    return $path;
}


1;
