package Skep::JWT;

# JSON Web Tokens signed by HMAC, or by openssl with RSA and ECDSA: right ones,
# and every wrong one that a test wants.

use v5.36;

use Digest::SHA qw(hmac_sha256 hmac_sha384 hmac_sha512);
use Exporter qw(import);
use File::Temp ();
use IPC::Open2 qw(open2);
use JSON::PP ();
use MIME::Base64 qw(decode_base64url encode_base64url);

our @EXPORT_OK = qw(jwt jwt_raw jwt_parts jwt_keys);

my $json = JSON::PP->new->utf8->canonical;
my %hmac = (HS256 => \&hmac_sha256, HS384 => \&hmac_sha384,
            HS512 => \&hmac_sha512);


# A token of claims; an undef claim is left out.
#     key => ..., alg => 'HS256', header => { further members; undef: none }
# key: the secret; for RS256 and ES256 the file of a private key.

sub jwt ($claims, %o) {
    my %header = (alg => $o{alg} // 'HS256', typ => 'JWT',
                  ($o{header} // {})->%*);
    my %claims = %$claims;

    delete @header{grep { !defined $header{$_} } keys %header};
    delete @claims{grep { !defined $claims{$_} } keys %claims};

    return jwt_raw($json->encode(\%header), $json->encode(\%claims), %o);
}


# The same of texts, JSON or not.

sub jwt_raw ($header, $payload, %o) {
    my $input = encode_base64url($header) . '.' . encode_base64url($payload);
    my $alg = $o{alg} // 'HS256';
    my $hmac = $hmac{$alg};

    return "$input." . encode_base64url(_openssl($input, $o{key}, $alg))
        if $alg =~ /^[RE]S256$/;

    return "$input." . ($hmac ? encode_base64url($hmac->($input, $o{key}))
                              : '');
}


sub _openssl ($input, $key, $alg) {
    my $signature = _run($input, 'openssl', 'dgst', '-sha256', '-sign', $key);

    return $signature if $alg eq 'RS256';

    # two numbers in DER; JWS has them bare, of 32 bytes each
    my (undef, undef, undef, $r, undef, $s) = unpack 'CC C C/a C C/a',
                                              $signature;

    return join '', map { substr "\0" x 32 . $_, -32 } $r, $s;
}


sub _run ($input, @command) {
    my $pid = open2(my $out, my $in, @command);

    binmode $_ for $in, $out;
    print $in $input;
    close $in;
    local $/;
    my $text = <$out>;
    waitpid $pid, 0;
    die "@command failed" if $?;

    return $text;
}


# Makes a key: (file of the private key, file of the public one) in the
# directory.  What: "rsa:2048", "ec:P-256", "ed25519".

sub jwt_keys ($dir, $what) {
    my ($alg, $size) = split /:/, $what;
    my $private = File::Temp->new(DIR => $dir, SUFFIX => '.key',
                                  UNLINK => 0)->filename;
    my @option = $alg eq 'rsa' ? ('-pkeyopt', "rsa_keygen_bits:$size")
               : $alg eq 'ec'  ? ('-pkeyopt', "ec_paramgen_curve:$size") : ();

    _run('', 'openssl', 'genpkey', '-quiet', '-algorithm', uc $alg, @option,
         '-out', $private);
    _run('', 'openssl', 'pkey', '-in', $private, '-pubout', '-out',
         "$private.pub");

    return ($private, "$private.pub");
}


# (header, claims, whether the signature is right)

sub jwt_parts ($token, $key) {
    my ($header, $payload, $signature) = split /\./, $token, -1;
    my $want = encode_base64url(hmac_sha256("$header.$payload", $key));

    return ($json->decode(decode_base64url($header)),
            $json->decode(decode_base64url($payload)),
            $signature eq $want);
}


1;
