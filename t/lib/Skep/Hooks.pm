package Skep::Hooks;

# What tests of webhooks stand on: PostgreSQL, a worker, a receiver; a user
# with a project, their webhooks, and events in it.

use v5.36;

use Exporter qw(import);
use Skep::Postgres;
use Skep::Process qw(tempdir wait_until);
use Skep::Receiver;
use Skep::Worker;
use Test::More;

our @EXPORT_OK = qw(uuid);


sub uuid () {
    my $hex = join '', map { sprintf '%04x', int rand 65536 } 1 .. 8;

    substr $hex, 12, 1, '7';
    substr $hex, 16, 1, '8';
    return $hex =~ s/^(.{8})(.{4})(.{4})(.{4})/$1-$2-$3-$4-/r;
}


# new(set => { key of the worker's configuration => value, undef to leave out })

sub new ($class, %o) {
    my $dir = tempdir();
    my $self = bless {
        dir     => $dir,
        pg      => Skep::Postgres->new(dir => $dir)->start,
        receiver => Skep::Receiver->new(dir => $dir),
        user    => uuid(),
        project => uuid(),
        set     => $o{set} // {},
        workers => [],
    }, $class;

    $self->pg->execute(<<~"SQL");
        INSERT INTO auth.users (id, email, name, password_hash)
        VALUES ('$self->{user}', 'user\@example.com', 'A user', '\$2b\$');
        INSERT INTO task.projects (id, owner_id, name)
        VALUES ('$self->{project}', '$self->{user}', 'A project');
        INSERT INTO task.members (project_id, user_id, role)
        VALUES ('$self->{project}', '$self->{user}', 'owner');
        SQL

    return $self;
}


sub pg ($self) { return $self->{pg} }
sub receiver ($self) { return $self->{receiver} }
sub dir ($self) { return $self->{dir} }
sub user ($self) { return $self->{user} }


# The worker's configuration, with this changed for good.

sub conf ($self, %set) {
    $self->{set} = { $self->{set}->%*, %set };

    return (
        webhook_allow_http    => 'on',
        webhook_allow_address => '127.0.0.1',
        $self->{set}->%*,
    );
}


# Starts a worker, a Skep::Worker.

sub start ($self, %set) {
    my $worker = Skep::Worker->new(
        dir => $self->{dir}, name => 'worker-' . $self->{workers}->@*,
        pg => $self->pg, conf => { $self->conf(%set) },
    );

    push $self->{workers}->@*, $worker;
    return $worker->start;
}


# A webhook, by default of all events in the project; its id.
#     path => of the receiver, url => instead, secret => 32 bytes,
#     events => types with commas between

sub hook ($self, %o) {
    my $id = uuid();
    my $url = $o{url} // $self->receiver->url($o{path} // '/');
    my $secret = unpack 'H*', $o{secret} // 's' x 32;
    my $events = $o{events} // '*';

    $self->pg->execute(<<~"SQL");
        INSERT INTO notify.webhooks (id, user_id, url, events, secret)
        VALUES ('$id', '$self->{user}', '$url', '{$events}', '\\x$secret');
        SQL

    return $id;
}


sub webhook ($self, $id) {
    return $self->_row(<<~"SQL");
        SELECT row_to_json(w) FROM notify.webhooks w WHERE id = '$id'
        SQL
}


# Events in the project, fanned out; their ids.

sub events ($self, $n = 1, %o) {
    my $data = $o{data} // '{"task":{"title":"Tea, \"hot\" \\\\ ☕"}}';
    my $type = $o{type} // 'task.created';
    my @ids = map { uuid() } 1 .. $n;
    my $values = join ', ', map {
        "('$_', '$type', '$self->{user}', '$self->{project}', '$data')"
    } @ids;

    utf8::encode($values) if utf8::is_utf8($values);

    $self->pg->execute(<<~"SQL");
        INSERT INTO notify.outbox (id, type, actor_id, project_id, data)
        VALUES $values;
        SELECT notify.fan_out(max(seq), 100000) FROM notify.outbox;
        SQL

    return wantarray ? @ids : $ids[0];
}


# What the log of deliveries says of an event.

sub delivery ($self, $event, $hook = undef) {
    my $which = defined $hook ? "AND webhook_id = '$hook'" : '';

    return $self->_row(<<~"SQL");
        SELECT row_to_json(d) FROM notify.deliveries d
        WHERE event_id = '$event' $which
        SQL
}


sub _row ($self, $sql) {
    my $text = $self->pg->value($sql) // return undef;

    return JSON::PP->new->utf8->decode($text);
}


# Waits until a delivery has this status, or was tried so often; the row.

sub wait_delivery ($self, $event, $what, $hook = undef, $timeout = 15) {
    my $row;

    wait_until($timeout, sub {
        $row = $self->delivery($event, $hook);
        return $row && ($what =~ /^\d+$/ ? $row->{attempts} >= $what
                                         : $row->{status} eq $what);
    });

    return $row;
}


# One delivery to each of these URLs: { URL => its row }.

sub deliveries ($self, @urls) {
    my %hooks = map { $_ => $self->hook(url => $_) } @urls;
    my $event = $self->events;
    my %rows = map {
        $_ => $self->wait_delivery($event, 1, $hooks{$_}, 20)
    } @urls;

    $self->pg->execute('DELETE FROM notify.webhooks');
    return \%rows;
}


# Ends the test: the workers end in time, and complain of nothing.

sub finish ($self) {
    for my $worker ($self->{workers}->@*) {
        is($worker->quit, 0, 'the worker ends in time');

        my @faults = $worker->log_faults;

        is(scalar @faults, 0, 'nothing alarming in its log')
            or diag(map { "$_\n" } @faults[0 .. ($#faults > 20 ? 20
                                                               : $#faults)]);
        diag($worker->log) if !Test::More->builder->is_passing;
    }

    $self->receiver->stop_server;
    $self->pg->stop_server;

    done_testing();
}


1;
