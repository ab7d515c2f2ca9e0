package Skep::Standby;

# Two PostgreSQLs, of which one follows the other, and takes over.
#
#     my $pair = Skep::Standby->new($primary, $other);
#
#     $primary->kill_server;
#     my $now = $pair->take_over;     # the other one
#     $pair->follow;                  # and the first one follows it
#
# Replication is synchronous: what is acknowledged, both have.

use v5.36;

use File::Path qw(remove_tree);
use Skep::Postgres;
use Skep::Process qw(as_user run wait_until);

use constant ALL => q{synchronous_standby_names = '*'};
use constant NONE => q{synchronous_standby_names = ''};


sub new ($class, $primary, $other) {
    my $self = bless { primary => $primary, other => $other }, $class;

    $primary->append('pg_hba.conf',
                     'local replication postgres peer map=skep');
    $primary->execute('SELECT pg_reload_conf()');
    $self->follow;

    return $self;
}


sub primary ($self) { return $self->{primary} }
sub other ($self) { return $self->{other} }


# The other one is made anew, of the primary, and follows it.

sub follow ($self) {
    my ($primary, $other) = $self->@{qw(primary other)};

    remove_tree($other->{data}, { keep_root => 1 });

    my ($rc, $out) = run([
        as_user($primary->{user}), Skep::Postgres::bin('pg_basebackup'),
        $primary->server_options, '-U', 'postgres', '-D', $other->{data},
        '-R', '-c', 'fast', '--no-sync',
    ]);
    die "pg_basebackup: $out" if $rc;

    $other->own_settings;
    $other->start;
    $primary->append('postgresql.auto.conf', ALL);
    $primary->execute('SELECT pg_reload_conf()');

    wait_until(10, sub { $primary->value(<<~'SQL') })
        SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'
        SQL
        or die "nobody follows:\n" . $other->log_tail;
}


# The other one is the primary now; it.  It waits for no standby: there is none.

sub take_over ($self) {
    my $other = $self->{other};

    $other->append('postgresql.auto.conf', NONE);
    $other->execute('SELECT pg_reload_conf()');
    $other->execute('SELECT pg_promote()');

    ($self->{primary}, $self->{other}) = ($other, $self->{primary});
    return $other;
}


1;
