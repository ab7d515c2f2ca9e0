package Skep::Machine;

# A machine to install things on: this one, seen through an overlay that keeps
# what is written, in namespaces of its own for mounts, processes and network.
# So nothing that is done there is left, and no port is taken.
#
# Where others' data and configuration may be, it is empty.  There is no way
# out for apt-get: in its place is one that looks whether all that it is asked
# for is installed.

use v5.36;

use Skep::File qw(spew);
use Skep::Process qw(build_dir run source_dir tempdir);

# what a machine has of its own
my @empty = qw(
    /run /etc/skep /etc/nginx/conf.d /etc/nginx/sites-enabled
    /etc/nginx/modules-enabled /etc/postgresql /var/lib/postgresql
    /var/log/postgresql /var/lib/redis /var/log/redis /var/log/nginx
);


# the end of the first process, and of all others, is that of this one
my @unshare = qw(unshare --mount --net --pid --fork --kill-child);


# Why there can't be one, or undef.

sub refused ($class) {
    return 'only root may mount' if $> != 0;

    my $why = _tried();

    # below a root that is no mount, as in a chroot, unshare can't see to it that
    # mounts are seen by nobody else: it has to be so
    if (defined $why && $why =~ /propagation/ && !_shared(tempdir())) {
        push @unshare, '--propagation', 'unchanged';
        $why = _tried();
    }

    return $why;
}


sub _tried () {
    my ($rc, $out) = run([@unshare, 'sh', '-c', _mounts(tempdir())]);

    return $rc ? "no overlay can be mounted here: $out" : undef;
}


# Whether what is mounted below a directory is seen elsewhere, too.

sub _shared ($dir) {
    open my $fh, '<', '/proc/self/mountinfo' or return 1;
    my ($longest, $shared) = ('', 1);

    while (my $line = <$fh>) {
        my (undef, undef, undef, undef, $at, undef, $tags)
            = split / /, $line, 7;

        next if length $at < length $longest
                || index("$dir/", $at =~ s{/?\z}{/}r) != 0;
        ($longest, $shared) = ($at, $tags =~ /\A(?:\S+ )*?shared:/ ? 1 : 0);
    }

    return $shared;
}


# Runs a script of bash; (exit status, what it wrote).  "setup" is one that is
# run before, in the same place.

sub script ($class, $text, %o) {
    my $dir = tempdir();
    my $source = source_dir();

    spew("$dir/script", $text, mode => 0644);
    spew("$dir/setup", ($o{setup} // '') . "\n", mode => 0644);
    spew("$dir/apt-get", <<~'EOT', mode => 0755);
        #!/bin/sh
        set -eu
        for word; do
            case $word in
                update | install | -*) ;;
                *) dpkg-query -W -f='${db:Status-Status}\n' "$word" |
                       grep -qx installed || { echo "no $word" >&2; exit 100; } ;;
            esac
        done
        EOT

    return run([@unshare, 'sh', '-euc', <<~EOT], timeout => 300);
        @{[_mounts($dir)]}
        perl -MSocket -e 'socket my \$s, AF_INET, SOCK_DGRAM, 0 or die;
            my \$up = pack "a16 s x22", "lo", 0x41;    # IFF_UP | IFF_RUNNING
            ioctl \$s, 0x8914, \$up or die "lo: \$!"'
        mkdir -p $dir/root/run/bin
        cp $dir/apt-get $dir/setup $dir/script $dir/root/run/bin/
        cd /
        exec env -i HOME=/root LANG=C.UTF-8 SKEP_BUILD=@{[build_dir()]} \\
            PATH=/run/bin:/usr/sbin:/usr/bin:/sbin:/bin \\
            chroot $dir/root sh -euc '
            mkdir -p /run/lock
            cd $source
            bash -eu /run/bin/setup >/run/setup.log 2>&1 </dev/null || {
                cat /run/setup.log
                exit 99
            }
            rm /run/bin/setup
            bash -eu /run/bin/script </dev/null'
        EOT
}


# The mounts, of a machine below that directory: what is not of the file
# system of / is seen as it is, where a test needs it.

sub _mounts ($dir) {
    my $binds = join '', map { <<~EOT } source_dir(), build_dir();
        mkdir -p $dir/root$_
        mountpoint -q $dir/root$_ || [ -e $dir/root$_/dev ] ||
            [ -n "\$(ls $dir/root$_)" ] || mount --bind $_ $dir/root$_
        EOT
    my $empty = join '', map { <<~EOT } @empty;
        [ ! -d $dir/root$_ ] || empty $dir/root$_
        EOT

    return <<~EOT;
        set -eu
        mkdir $dir/root $dir/written
        mount -t tmpfs -o mode=755 tmpfs $dir/written
        mkdir $dir/written/upper $dir/written/work
        written=upperdir=$dir/written/upper,workdir=$dir/written/work
        mount -t overlay -o lowerdir=/,\$written overlay $dir/root
        mount -t proc proc $dir/root/proc
        mount --rbind /dev $dir/root/dev

        # with the owner and mode of what it hides
        empty() {
            mode=\$(stat -c %a \$1) uid=\$(stat -c %u \$1) gid=\$(stat -c %g \$1)
            mount -t tmpfs -o mode=\$mode,uid=\$uid,gid=\$gid tmpfs \$1
        }
        $empty
        $binds
        EOT
}


1;
