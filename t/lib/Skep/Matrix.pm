package Skep::Matrix;

# The fault matrix: rows of data, each a fault that is injected again and again
# into a server of the row's own while clients write and read, and what is
# measured of each.
#
#     use Skep::Matrix;
#     use Skep::Rows::Postgres;
#
#     matrix('PostgreSQL', Skep::Rows::Postgres->rows);
#     matrix('PostgreSQL', Skep::Rows::Postgres->rows, short => 1);
#
# Without "short" each row runs $SKEP_FAULTS_RUNS times (20), its bars are
# asserted, and its figures are kept in build/faults, of which ./dev reliability
# makes the table of docs/reliability.md.  With it only the rows that are marked
# so run, once, and no time is asserted.  $SKEP_FAULTS_ROWS is a pattern of names.
#
# A row is a hash.  All its code is given the run, a Skep::Matrix, that has the
# server (skep, pg, redis), the writers (faults), and room for the row's own in
# its hash.
#
#     name     what the fault is: the first column; unique
#     made     how it is made, as Markdown: the second
#     holds    what must hold, as Markdown: the third
#     bar      s, from the fault's end until requests are well again
#     told     s, until events are (5); undef: they are not looked at
#     hold     s that it lasts (0.5), or [least, most]
#     server   { options of Skep::Server }, beside Skep::Faults->server's; "set"
#              and "worker_conf" are added to those; or code that returns them
#     allow_log  pattern of more lines that nginx's and the worker's logs may have
#     refused    pattern of errors that PostgreSQL's may have
#     setup    code, once: the server is up, nobody writes yet
#     inject   code that begins the fault
#     during   code that looks at it while it lasts
#     end      code that ends it.  The clock starts when this returns, or at the
#              time that it returns.
#     works    code that tells whether what the row is about works again: in
#              place of an event that has reached the live stream
#     after    code, before the next run: what nobody waits for
#     check    code, once, after all runs
#     away     1: some requests must have failed meanwhile
#     calm     1: none may
#     logins   1: a token may be refused, and its user logs in again
#     rate     writes per second at most (160)
#     short    1: in the short form, too

use v5.36;

use Exporter qw(import);
use JSON::PP ();
use List::Util qw(max);
use Skep::Faults;
use Skep::File qw(slurp spew);
use Skep::Process qw(build_dir discard);
use Skep::Test ();
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(matrix);

use constant PATIENCE => 30;        # seconds that a recovery may take at all
use constant RATE => 160;           # writes per second, and as many reads
use constant QUIET => 0.3;          # seconds without a failure that end one

my $json = JSON::PP->new->utf8->canonical->pretty;


sub matrix ($component, $rows, %o) {
    my $only = $ENV{SKEP_FAULTS_ROWS} // '';
    my @rows = grep { $_->{name} =~ /$only/ && (!$o{short} || $_->{short}) }
               @$rows;
    my $runs = $o{short} ? 1 : $ENV{SKEP_FAULTS_RUNS} // 20;
    my %figures;

    for my $row (@rows) {
        my $self = bless { row => $row, short => $o{short} }, __PACKAGE__;

        subtest($row->{name}, sub {
            # one that can't be done is not the end of those after it
            return if eval { $self->_row($runs); 1 };
            fail("it is done: $@");
            eval { $self->{faults}->give_up } if $self->{faults};
            Skep::Test::finish();
        }) or next;
        $figures{$row->{name}} = $self->{figures};
        _keep($component, $rows, \%figures) if !$o{short};
    }

    done_testing();
}


sub row ($self) { return $self->{row} }
sub skep ($self) { return $self->{skep} }
sub faults ($self) { return $self->{faults} }
sub pg ($self) { return $self->{skep}->pg }
sub redis ($self) { return $self->{skep}->redis }


sub _row ($self, $runs) {
    my $row = $self->{row};
    my $skep = $self->{skep} = Skep::Test::skep($self->_server);

    $self->_do('setup');
    $self->{faults} = Skep::Faults->new(skep => $skep,
                                        refused => $row->{refused},
                                        logins => $row->{logins},
                                        # of a machine that is busy
                                        hung => $self->{short} ? 20 : 5,
                                        rate => $row->{rate} // RATE);
    $self->{faults}->start;

    for my $run (1 .. $runs) {
        last if !$self->_run($run);
    }

    $self->{faults}->stop;
    $self->{faults}->check;
    $self->_do('check');
    $self->{faults}->finish;
    $self->_bars($runs);
    Skep::Test::finish();
    discard($skep->dir);
}


sub _do ($self, $what) {
    my $code = $self->{row}{$what} // return undef;

    return $code->($self);
}


# What the row's server is started with.

sub _server ($self) {
    my $row = $self->{row};
    my $options = $row->{server} // {};
    my %o = ref $options eq 'CODE' ? $options->($self) : %$options;
    my %base = Skep::Faults->server;

    $o{$_} = { $base{$_}->%*, ($o{$_} // {})->%* } for qw(set worker_conf);
    $o{allow_log} = qr/$base{allow_log}|$row->{allow_log}/
        if $row->{allow_log};

    return (%base, %o);
}


# One fault, from all is well to all is well; whether it is.

sub _run ($self, $run) {
    my $row = $self->{row};

    if (!defined $self->_recovered(time)) {
        return fail("run $run: all is well at first");
    }

    my $began = time;

    $self->{failures} = 0;
    $self->_do('inject');
    sleep $self->_hold;
    $self->_do('during');

    my $end = $self->_do('end') // 0;

    # anything but a time is what its last statement happened to return
    $end = time if $end !~ /\A\d+(?:\.\d+)?\z/ || $end < $began;

    my $took = $self->_recovered($end);
    my $told = $self->_told($end);

    if (!defined $took || $told && !defined $told->[0]) {
        return fail("run $run: it recovers");
    }

    ok($self->{failures}, "run $run: requests failed meanwhile")
        if $row->{away};
    is($self->{failures}, 0, "run $run: no request failed") if $row->{calm};
    note(sprintf "run %d: requests %.3f s%s, %d failed", $run, $took,
         $told ? sprintf ', events %.3f s', $told->[0] : '',
         $self->{failures});

    push $self->{figures}{requests}->@*, $took;
    push $self->{figures}{events}->@*, $told->[0] if $told;
    $self->_do('after');

    return 1;
}


sub _hold ($self) {
    my $hold = $self->{row}{hold} // 0.5;

    return $hold if !ref $hold;
    return $hold->[0] + rand $hold->[1] - $hold->[0];
}


# How long it took from then until each of the writers had a write and a read
# answered, and none that was begun since failed any more; undef: too long.

sub _recovered ($self, $since) {
    my %good = map { $_ => {} } 1 .. $self->{faults}->writers;
    my $last = 0;

    $self->{since} = { time => $since, tasks => {} };

    while (time < $since + PATIENCE) {
        for my $attempt ($self->{faults}->attempts) {
            my ($writer) = $attempt->{who} =~ /-(\d+)\z/;
            my $kind = $attempt->{kind} eq 'GET' ? 'read' : 'write';
            my $ok = $attempt->{how} =~ /\A(?:ok|replayed)\z/;

            $self->{failures}++ if !$ok;
            next if $attempt->{ended} < $since;

            if (!$ok) {
                next if $attempt->{began} < $since;
                $good{$writer} = {};
                $last = $attempt->{ended};
                next;
            }

            $good{$writer}{$kind} //= $attempt->{ended};
            $self->{since}{tasks}{$attempt->{task}} = 1
                if $attempt->{kind} eq 'POST' && $attempt->{tries} == 1
                   && $attempt->{began} >= $since;
        }

        if (!grep { !$_->{read} || !$_->{write} } values %good) {
            my $when = max(map { values %$_ } values %good);

            return $when - $since if time > max($when, $last) + QUIET;
        }

        sleep 0.01;
    }

    return undef;
}


# How long it took until what the row is about worked: [seconds], of undef if
# it took too long; undef if it is not looked at.

sub _told ($self, $since) {
    my $row = $self->{row};
    my $tasks = $self->{since}{tasks};

    return undef if exists $row->{told} && !defined $row->{told};

    while (time < $since + PATIENCE) {
        if ($row->{works}) {
            return [time - $since] if $row->{works}->($self);

        } else {
            my ($first) = grep { $tasks->{$_->{task}} && $_->{at} > $since }
                          $self->{faults}->told;

            return [$first->{at} - $since] if $first;
        }

        # more tasks that it may be
        for my $attempt ($self->{faults}->attempts) {
            $tasks->{$attempt->{task}} = 1
                if $attempt->{kind} eq 'POST' && $attempt->{tries} == 1
                   && $attempt->{how} eq 'ok';
        }

        sleep 0.01;
    }

    return [undef];
}


sub _bars ($self, $runs) {
    my $row = $self->{row};
    my %bar = (requests => $row->{bar}, events => $row->{told} // 5);

    for my $what (sort keys(($self->{figures} // {})->%*)) {
        my @took = sort { $a <=> $b } $self->{figures}{$what}->@*;

        note(sprintf '%s: p50 %.2f s, max %.2f s of %d', $what,
             $took[$#took / 2], $took[-1], scalar @took);

        next if $self->{short};
        is(scalar @took, $runs, "$what: measured in each run");
        cmp_ok($took[-1], '<', $bar{$what},
               "$what: well again within $bar{$what} s");
    }
}


# Writes the figures down, beside those of rows that did not run this time.

sub _keep ($component, $rows, $figures) {
    my $dir = build_dir() . '/faults';
    my $file = "$dir/" . lc($component) =~ s/\W+/-/gr . '.json';
    my $old = -e $file ? $json->decode(slurp($file)) : { rows => [] };
    my %old = map { $_->{name} => $_ } $old->{rows}->@*;

    mkdir $dir;
    spew($file, $json->encode({
        component => $component,
        rows => [map {
            my $row = $_;
            my $now = $figures->{$row->{name}} // $old{$row->{name}};

            $now ? +{
                requests => $now->{requests}, events => $now->{events},
                about => $row->{works} ? 1 : 0,
                map { $_ => $row->{$_} } qw(name made holds bar),
            } : ();
        } @$rows],
    }));
}


1;
