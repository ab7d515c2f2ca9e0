package Skep::Outbox;

# Events for workers, without nginx: rows of the outbox for a user with a
# project, and entries of the stream that tell of them.

use v5.36;

use Skep::Process qw(wait_until);
use Skep::Worker;


# of a Skep::Server and a user of it, who is the only member of the project

sub new ($class, $skep, $user) {
    return bless {
        skep    => $skep,
        user    => $user->id,
        project => $skep->project($user),
    }, $class;
}


sub pg ($self) { return $self->{skep}->pg }
sub redis ($self) { return $self->{skep}->redis }
sub project ($self) { return $self->{project} }


# Writes so many events; %o: type, data.  The seqs of all that are there.

sub add ($self, $n, %o) {
    my $type = $o{type} // 'task.updated';
    my $data = ($o{data} // '{"task":{}}') =~ s/'/''/gr;

    $self->pg->execute(<<~"SQL");
        INSERT INTO notify.outbox (id, type, actor_id, project_id, task_id,
                                   data)
        SELECT gen_random_uuid(), '$type', '$self->{user}',
               '$self->{project}', gen_random_uuid(), '$data'
        FROM generate_series(1, $n)
        SQL

    return $self->seqs;
}


sub seqs ($self) {
    return map { $_->[0] } $self->pg->query(<<~'SQL')->@*;
        SELECT seq FROM notify.outbox ORDER BY seq
        SQL
}


# Tells of rows of the outbox.

sub tell ($self, @seqs) {
    $self->redis->command('XADD', Skep::Worker::STREAM, '*', 'seq', $_)
        for @seqs;
}


sub left ($self) {
    return $self->pg->value('SELECT count(*) FROM notify.outbox');
}


# Whether the outbox is fanned out within so many seconds.

sub settled ($self, $timeout = 15) {
    return wait_until($timeout, sub { !$self->left });
}


# What is wrong with the inbox of the user: '' if it has one row for each
# event, and events have numbers without a gap.

sub wrong ($self, $events) {
    my ($rows, $n, $all, $max, $position) = $self->pg->query(<<~"SQL")->[0]->@*;
        SELECT (SELECT count(*) FROM notify.inbox
                WHERE user_id = '$self->{user}'),
               (SELECT count(DISTINCT n) FROM notify.inbox
                WHERE user_id = '$self->{user}'),
               count(*), max(n), (SELECT n FROM notify.position)
        FROM notify.events
        SQL

    return join '; ',
        $rows == $events ? () : "$rows rows, not $events",
        $rows == $n ? () : "$n different events in $rows rows",
        $all == $max && $max == $position
            ? () : "$all events up to $max, and the position is $position";
}


# The entries of the group that are not acknowledged; -1: there is no group.

sub pending ($self) {
    my ($n) = split /\n/,
              eval { $self->redis->command('XPENDING', Skep::Worker::STREAM,
                                           'skep') } // '';

    return ($n // '') =~ /^\d+$/ ? $n : -1;
}


# The dead letters: each a hash of its fields.

sub dead ($self) {
    return $self->redis->entries(Skep::Worker::STREAM . ':dead');
}


1;
