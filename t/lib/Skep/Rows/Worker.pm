package Skep::Rows::Worker;

# The fault matrix: what may become of the worker.

use v5.36;

use Skep::Process qw(alive wait_until);
use Skep::Sanitizer;
use Skep::Step;
use Test::More;

use constant ONCE => 'each event is once in each inbox and in the live stream; '
                     . 'webhooks get it at least once, by the same `webhook-id`';


sub rows ($class) {
    return [map({ { bar => 2, calm => 1, holds => ONCE, %$_ } }
                _killed(),
                # a sanitizer takes the calls itself
                Skep::Sanitizer::on() ? () : _steps())];
}


sub _killed () {
    return ({
        name   => 'all killed',
        made   => '`kill -9` of both workers, started again after 0 to 1 s',
        hold   => [0, 1],
        short  => 1,
        inject => sub ($m) { $_->kill_process for $m->skep->workers },
        end    => sub ($m) { $_->start for $m->skep->workers },
    }, {
        name   => 'one killed, for good',
        made   => '`kill -9` of one of two; the clock starts at once',
        hold   => 0,
        inject => sub ($m) { $m->skep->worker->kill_process },
        after  => sub ($m) { $m->skep->worker->start },
    }, {
        name   => 'one stopped',
        made   => 'SIGSTOP of one of two; the clock starts at once',
        hold   => 0,
        inject => sub ($m) { $m->skep->worker->freeze },
        after  => sub ($m) { $m->skep->worker->thaw },
    });
}


# It dies before each of the calls that read, write or wait, one after another.

sub _steps () {
    my $row = sub ($begin, $end) {
        return (
            hold   => 0,
            setup  => sub ($m) {
                my $worker = $m->skep->worker;

                $m->{step} = Skep::Step->new(dir => $m->skep->dir,
                                             begin => $begin, end => $end);
                $worker->quit;
                $worker->{env} = $m->{step}->env;
                $worker->start;
            },
            inject => \&_die_at_next,
            end    => sub ($m) { $m->skep->worker->start },
            check  => sub ($m) {
                cmp_ok($m->{died} // 0, '>', 0,
                       "it died at $m->{died} steps of "
                       . ($m->{all} // 'more'));
            },
        );
    };

    return ({
        name  => 'killed between reading and acknowledging',
        made  => 'SIGKILL before the n-th system call from `XREADGROUP` to '
                 . '`XACK`, n one more each time',
        short => 1,
        $row->("\r\nseq\r\n", 'XACK'),
    }, {
        name  => 'killed between claiming and recording',
        made  => 'the same in the thread that sends webhooks, from the row that '
                 . 'was claimed to the one that is recorded',
        $row->('http://127.0.0.1:', '"delivered":true'),
    });
}


sub _die_at_next ($m) {
    my ($worker, $step) = ($m->skep->worker, $m->{step});

    for (1 .. 2) {
        $step->arm(++$m->{at});
        wait_until(10, sub { !alive($worker->pid) || $step->ended });

        if (!alive($worker->pid)) {
            $m->{died}++;
            return $worker->kill_process;
        }

        # that was the last one
        $m->{all} //= $step->seen;
        $m->{at} = 0;
    }

    die 'the worker does not come by';
}


1;
