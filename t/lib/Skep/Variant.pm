package Skep::Variant;

# A copy of the tree with a change in it, built beside the build: the next
# version of Skep, for a test.

use v5.36;

use File::Temp ();
use Skep::File qw(slurp spew);
use Skep::Process qw(build_dir run source_dir);


# new(docs => 1 if it takes docs/, too)

sub new ($class, %o) {
    # beside the build, since modules can't be loaded from everywhere
    my $tmp = File::Temp->newdir('variant-XXXXXX', DIR => build_dir());
    my $self = bless { tmp => $tmp, dir => "$tmp/skep",
                       build => "$tmp/build" }, $class;
    my $root = source_dir();

    chmod 0755, $tmp or die "chmod $tmp: $!";   # nginx's workers are others

    for my $dir ($self->{dir}, $self->{build}) {
        mkdir $dir or die "$dir: $!";
    }

    _does('cp', '-a', (map { "$root/$_" } qw(config config.make sql t worker),
                       $o{docs} ? qw(dev.d docs) : ()),
          glob("$root/ngx_*_module"), $self->{dir});
    _does('cp', '-a', build_dir() . '/nginx', build_dir() . '/modules',
          $self->{build});
    $self->_move;

    return $self;
}


sub _does (@cmd) {
    my ($rc, $out) = run(\@cmd);

    die "@cmd: $out" if $rc;
}


# the Makefile's paths

sub _move ($self) {
    my $file = "$self->{build}/nginx/Makefile";
    my %moved = (source_dir() => $self->{dir}, build_dir() => $self->{build});
    my $paths = join '|', map { quotemeta } reverse sort keys %moved;

    spew($file, slurp($file) =~ s/($paths)(?![\w.+-])/$moved{$1}/gr);
}


sub dir ($self) { return $self->{dir} }
sub build ($self) { return $self->{build} }
sub modules ($self) { return "$self->{build}/modules" }


# Runs a program in the copy: (its exit status, what it said).

sub command ($self, @cmd) {
    return run(\@cmd, dir => $self->{dir}, timeout => 300,
                              env => {
        SKEP_ROOT => $self->{dir}, SKEP_BUILD => $self->{build}, TZ => 'UTC',
        SQITCH_FULLNAME => 'Test', SQITCH_EMAIL => 'test@localhost',
    });
}


# Builds a module: as above.

sub make ($self, $name) {
    my $so = "$self->{build}/nginx/$name.so";
    my ($rc, $out) = $self->command('make', '-C',
                                $ENV{NGX_SRC} // '/usr/share/nginx/src', '-s',
                                '-f', "$self->{build}/nginx/Makefile", $so);

    return ($rc, $out) if $rc;
    return $self->command('cp', $so, $self->modules . "/$name.so");
}


# Makes openapi.json of docs/openapi.yaml: as above.

sub document ($self) {
    my $share = "$self->{build}/share";

    mkdir $share or die "$share: $!";
    return $self->command('dev.d/openapi', 'docs/openapi.yaml', $share);
}


1;
