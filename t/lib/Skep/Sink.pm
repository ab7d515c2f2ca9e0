package Skep::Sink;

# A server for SMTP, aiosmtpd, and the mails that it got; see dev.d/smtp-sink.

use v5.36;

use Encode ();
use MIME::QuotedPrint ();
use Skep::File qw(slurp spew);
use Skep::Process qw(alive run source_dir spawn stop wait_until);


# new(dir => a directory of its own, port => of one before,
#     tls => 'starttls' or 'smtps', login => [user, password])

sub new ($class, %o) {
    my $self = bless { dir => $o{dir}, port => $o{port} // 0, options => \%o },
                     $class;

    mkdir $o{dir}, 0755;
    $self->_certificates if $o{tls} && !-e "$o{dir}/ca.pem";

    return $self->start;
}


sub start ($self) {
    my ($dir, %o) = ($self->{dir}, $self->{options}->%*);
    my @options = ('--port', $self->{port});

    push @options, '--cert', "$dir/cert.pem", '--key', "$dir/key.pem" if $o{tls};
    push @options, '--smtps' if ($o{tls} // '') eq 'smtps';

    if ($o{login}) {
        $self->_write('password', "$o{login}[1]\n");
        push @options, '--login', $o{login}[0], "$dir/password";
    }

    unlink "$dir/port";
    $self->{pid} = spawn(cmd => [source_dir() . '/dev.d/smtp-sink', @options,
                                 $dir],
                         name => 'smtp-sink', out => "$dir/log");

    wait_until(10, sub { -e "$dir/port" || !alive($self->{pid}) });
    $self->{port} = 0 + ($self->_read('port')
                         // die "no sink:\n" . ($self->_read('log') // ''));

    return $self;
}


sub port ($self) { return $self->{port} }
sub ca ($self) { return "$self->{dir}/ca.pem" }


# What a worker's configuration says to send its mails here.

sub conf ($self) {
    my %o = $self->{options}->%*;
    my $scheme = ($o{tls} // '') eq 'smtps' ? 'smtps' : 'smtp';

    return (
        smtp_url       => "$scheme://127.0.0.1:$self->{port}",
        $o{tls} ? (smtp_ca_file => $self->ca) : (smtp_tls => 'off'),
        $o{login} ? (smtp_user => $o{login}[0],
                     smtp_password_file => "$self->{dir}/password") : (),
        mail_from      => 'Skep <skep@example.org>',
        mail_base_url  => 'https://app.example',
        mail_templates => source_dir() . '/conf/mail',
    );
}


sub freeze ($self) { kill 'STOP', $self->{pid} }
sub thaw ($self) { kill 'CONT', $self->{pid} }

sub stop_server ($self) {
    my $pid = delete $self->{pid} // return;

    stop($pid, 'TERM', 5);
}


# Scripts the next answers: 'RCPT 450 4.2.1 later', ...

sub answers ($self, @lines) {
    $self->_write('answers', join '', map { "$_\n" } @lines);
}


# those that nobody took yet

sub answers_left ($self) {
    return split /\n/, $self->_read('answers') // '';
}


# How many mails there are; waits until there are so many at least.

sub count ($self, $n = 0) {
    my @files;

    wait_until(10, sub {
        @files = glob "$self->{dir}/*.eml";
        return @files >= $n;
    });

    return scalar @files;
}


# The mail of that number, from 1 on: waits for it.

sub mail ($self, $n) {
    $self->count($n) >= $n or die "there is no mail $n";

    return Skep::Sink::Mail->new($self->_read("$n.eml"));
}


# A CA, and a certificate of it for 127.0.0.1 and localhost.

sub _certificates ($self) {
    my $dir = $self->{dir};

    $self->_write('ext', "subjectAltName=IP:127.0.0.1,DNS:localhost\n");

    my @new = ('openssl', 'req', '-newkey', 'ec', '-pkeyopt',
               'ec_paramgen_curve:P-256', '-nodes');

    for my $cmd (
        [@new, '-x509', '-days', 2, '-subj', '/CN=Test CA',
         '-keyout', "$dir/ca.key", '-out', "$dir/ca.pem"],
        [@new, '-subj', '/CN=localhost', '-keyout', "$dir/key.pem",
         '-out', "$dir/csr.pem"],
        ['openssl', 'x509', '-req', '-in', "$dir/csr.pem", '-days', 2,
         '-CA', "$dir/ca.pem", '-CAkey', "$dir/ca.key", '-CAcreateserial',
         '-extfile', "$dir/ext", '-out', "$dir/cert.pem"],
    ) {
        my ($rc, $out) = run($cmd);
        die "openssl: $out" if $rc;
    }
}


sub _write ($self, $name, $text) {
    my $file = "$self->{dir}/$name";

    spew("$file.new", $text);
    rename "$file.new", $file or die "$file: $!";
}


sub _read ($self, $name) {
    return slurp("$self->{dir}/$name", absent => undef);
}


package Skep::Sink::Mail;

# A mail, taken apart.

use v5.36;


sub new ($class, $raw) {
    my ($head, $body) = $raw =~ /\A(.*?\r\n)\r\n(.*)\z/s or die "no mail: $raw";

    return bless { raw => $raw, body => $body,
                   headers => [_headers($head)] }, $class;
}


sub _headers ($head) {
    $head =~ s/\r\n[ \t]+/ /g;

    return map { /\A([!-9;-~]+): ?(.*)\z/s or die "no header: $_"; [$1, $2] }
           split /\r\n/, $head;
}


sub raw ($self) { return $self->{raw} }


# Values of a header, as they stand there; the names of all.

sub headers ($self, $name) {
    return map { $_->[1] } grep { lc $_->[0] eq lc $name }
           $self->{headers}->@*;
}

sub header ($self, $name) { return ($self->headers($name))[0] }

sub names ($self) { return map { $_->[0] } $self->{headers}->@* }


# A header as people read it (RFC 2047).

sub decoded ($self, $name) {
    return Encode::decode('MIME-Header', $self->header($name));
}

sub subject ($self) { return $self->decoded('Subject') }


# The parts of a multipart mail: [type, text].

sub parts ($self) {
    my ($boundary) = ($self->header('Content-Type') // '')
                     =~ /\Amultipart\/alternative; boundary="([^"]+)"\z/
                     or die 'not multipart/alternative';

    my ($preamble, @parts) = split /(?:\A|\r\n)--\Q$boundary\E(?=\r\n|--)/,
                                   $self->{body};

    pop(@parts) =~ /\A--/ or die 'no end';
    return map { _part($_ =~ s/\A\r\n//r) } @parts;
}


sub _part ($text) {
    my ($head, $body) = $text =~ /\A(.*?\r\n)\r\n(.*)\z/s or die 'no part';
    my %head = map { lc $_->[0] => $_->[1] } _headers($head);

    $head{'content-transfer-encoding'} eq 'quoted-printable'
        or die 'not quoted-printable';
    $body =~ s/\r\n/\n/g;

    return [$head{'content-type'},
            Encode::decode('UTF-8', MIME::QuotedPrint::decode_qp($body), 1)];
}


sub text ($self) { return ($self->parts)[0][1] }
sub html ($self) { return ($self->parts)[1][1] }


1;
