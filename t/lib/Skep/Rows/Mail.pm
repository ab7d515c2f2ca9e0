package Skep::Rows::Mail;

# The fault matrix: a mail server that misbehaves.  There is one, so mails wait
# for it, and nothing else does; when it has come to reason, each is sent, once.

use v5.36;

use Skep::Process qw(tempdir);
use Skep::Rows::Receivers;
use Skep::Rude;
use Skep::Sink;
use Test::More;
use Time::HiRes qw(time);

use constant MAILS => 6;        # that are due, each time: more than connections

my $hello = "220 rude\r\n";
my @usual = ([qr/\ADATA/ => "354 go\r\n"]);

# at each of the client's words one answer; undef: none, "": it closes.  Who is
# refused EHLO tries HELO.
my @words = qw((?:EHLO|HELO) MAIL RCPT DATA \.\z);


sub rows ($class) {
    return [
        _row('a mail server that hangs', _hanging(),
             made => 'nobody accepts, no greeting, half of one, one that never '
                     . 'ends, byte by byte; no answer to `EHLO`, `MAIL`, `RCPT`, '
                     . '`DATA`, the mail, `RSET` and `QUIT`; one after the other',
             short => 1),
        _row('a mail server that breaks off', _breaking(),
             made => 'closed or reset at first; closed at each of these; no SMTP'),
        _row('a mail server that puts off', _putting_off(),
             made => '421 as greeting, 4xx to each of these'),
        _row('a mail server without STARTTLS', _without_tls(),
             made => '`smtp_tls required`; it is not offered, refused, closed at, '
                     . 'answered by nonsense, or by nothing', tls => 'starttls'),
        _row('a mail server that refuses', _refusing(),
             made => '554 as greeting, 5xx to each of these', refused => 1,
             holds => 'the same, but that a mail which is refused for good is '
                      . 'given up, and told so in the log'),
    ];
}


sub _row ($name, $kinds, %o) {
    my $tls = delete $o{tls};

    return {
        name   => $name,
        holds  => 'no request fails, webhooks are delivered within '
                  . Skep::Rows::Receivers::LATE . ' s; after the end each mail '
                  . 'is sent once',
        bar    => 2,
        calm   => 1,
        rate   => 40,
        hold   => 1,
        kinds  => $kinds,
        tls    => $tls,
        server => \&_server,
        inject => \&_misbehave,
        during => \&Skep::Rows::Receivers::undisturbed,
        end    => \&_reason,
        works  => \&_sent,
        after  => \&_count,
        %o,
    };
}


# How it behaves, in each of these.

sub _hanging () {
    return [
        { deaf => 1 }, {}, { greet => '220 ru' },
        { greet => '220-', flood => "220-and\r\n" },
        { greet => '220 ', flood => 'x' x 1000 },
        { greet => "220 slow\r\n", lines => \@usual, drip => 0.2 },
        (map { _says($_, undef) } @words),
        { greet => $hello, lines => [[qr/\A(?:RCPT)/ => "450 4.2.1 later\r\n"],
                                     [qr/\A(?:RSET|QUIT)/ => undef]] },
    ];
}


sub _breaking () {
    return [
        { close => 1 }, { close => 'reset' }, { close => 'half' },
        { greet => $hello, close => 1 }, { greet => "HTTP/1.1 400 Bad\r\n\r\n" },
        map { _says($_, '') } @words,
    ];
}


sub _putting_off () {
    return [
        { greet => "421 4.3.2 going\r\n" },
        map { (_says($_, "451 4.3.0 later\r\n"), _says($_, "421 4.3.2 going\r\n")) }
            @words,
    ];
}


sub _refusing () {
    return [
        { greet => "554 5.3.2 nobody\r\n" },
        map { _says($_, "550 5.7.1 no\r\n") } @words,
    ];
}


sub _without_tls () {
    my $offered = [qr/\AEHLO/ => "250-rude\r\n250 STARTTLS\r\n"];

    return [
        _says($words[0], "250 rude\r\n"),
        map { +{ greet => $hello, lines => [$offered, [qr/\ASTARTTLS/ => $_]] } }
            "454 4.7.0 not now\r\n", '', "220 go\r\nnonsense\r\n", "220 go\r\n",
    ];
}


sub _says ($word, $answer) {
    return { greet => $hello, lines => [[qr/\A$word/ => $answer], @usual] };
}


# The sink is started to have its place, and its certificate.

sub _server ($m) {
    my $row = $m->row;
    my $dir = tempdir();
    my $sink = $m->{sink} = Skep::Sink->new(dir => "$dir/sink",
                                            tls => $row->{tls});

    $m->{mails} = 0;

    return (worker_conf => {
        $sink->conf,
        smtp_timeout         => '2s',
        smtp_connect_timeout => '1s',
        # nothing is given up before the end
        smtp_schedule        => '200ms 500ms' . ' 1s' x 30,
    });
}


# The next kind; and users, each of whom gets a mail.

sub _misbehave ($m) {
    my @kinds = $m->row->{kinds}->@*;

    # of the short form it is any
    $m->{n} //= $m->{short} ? int rand @kinds : 0;

    my $n = $m->{n}++ % @kinds;

    note("kind $n of " . @kinds);
    $m->{began} = time;
    $m->{sink}->stop_server;
    $m->{rude} = Skep::Rude->new($kinds[$n]->%*, port => $m->{sink}->port);
    $m->skep->user for 1 .. MAILS;
}


sub _reason ($m) {
    $m->{rude}->stop_server;
    $m->{sink}->start;
    $m->skep->user if $m->row->{refused};
    return undef;
}


# Nothing waits any more.

sub _sent ($m) {
    return $m->pg->value(<<~'SQL') == 0;
        SELECT count(*) FROM notify.mails WHERE status = 'pending'
        SQL
}


sub _count ($m) {
    my %of = map { $_->[0] => $_->[1] } $m->pg->query(<<~'SQL')->@*;
        SELECT status, count(*) FROM notify.mails GROUP BY status
        SQL
    my $sent = $of{sent} // 0;
    my $made = 0;

    $made += $_ for values %of;
    is($sent, $made, 'all are sent') if !$m->row->{refused};
    cmp_ok($sent, '>', $m->{mails}, 'some were sent');
    is($m->{sink}->count, $sent, 'each once');
    $m->{mails} = $sent;
}


1;
