package Skep::Proc;

# What /proc tells of a process, whoever has started it.

use v5.36;

use Exporter qw(import);
use Skep::File qw(slurp);
use Skep::Process qw(run);

our @EXPORT_OK = qw(anonymous cpu descriptors limit_descriptors);


# Seconds of CPU that it has used.

sub cpu ($pid) {
    my $stat = slurp("/proc/$pid/stat") =~ s/\A.*\) //sr;
    my @field = split ' ', $stat;

    return ($field[11] + $field[12]) / 100;
}


# How many descriptors it holds.

sub descriptors ($pid) {
    my @fds = glob "/proc/$pid/fd/*";

    return scalar @fds;
}


# The memory that is its own, in KB.

sub anonymous ($pid) {
    return slurp("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB$/m ? $1
           : die "$pid has no RssAnon";
}


# Lets it have so many descriptors.  To root it may be denied, to the process's
# own user it is not.

sub limit_descriptors ($pid, $n) {
    my ($rc, $out) = run(['prlimit', '--pid', $pid, "--nofile=$n:"],
                         user => scalar getpwuid((stat "/proc/$pid")[4]));

    die "prlimit: $out" if $rc;
}


1;
