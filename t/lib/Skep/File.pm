package Skep::File;

# Whole files, as bytes.  What fails dies with the file's name.

use v5.36;

use Carp qw(croak);
use Exporter qw(import);

our @EXPORT_OK = qw(slurp spew);


# What is in a file.
#     utf8    characters, not bytes; a file that is not UTF-8 is a fault
#     absent  what to return if there is no such file, else a fault, too

sub slurp ($file, %o) {
    open my $fh, '<:raw', $file or do {
        return $o{absent} if exists $o{absent} && $!{ENOENT};
        croak "$file: $!";
    };

    local $/;
    my $text = <$fh>;

    defined $text && close $fh or croak "$file: $!";
    !$o{utf8} || utf8::decode($text) or croak "$file: not UTF-8";

    return $text;
}


# Writes a file anew; its path.
#     mode    of the file, which it has before there is anything in it
#     append  behind what is there

sub spew ($file, $text, %o) {
    utf8::downgrade($text, 1) or croak "$file: characters, not bytes";

    open my $fh, $o{append} ? '>>:raw' : '>:raw', $file
        or croak "$file: $!";
    !defined $o{mode} || chmod $o{mode}, $fh or croak "$file: $!";
    print $fh $text and close $fh or croak "$file: $!";

    return $file;
}


1;
