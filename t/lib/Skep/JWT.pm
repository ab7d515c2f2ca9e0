package Skep::JWT;

# JSON Web Tokens signed by HMAC: right ones, and every wrong one that a test
# wants.

use v5.36;

use Digest::SHA qw(hmac_sha256 hmac_sha384 hmac_sha512);
use Exporter qw(import);
use JSON::PP ();
use MIME::Base64 qw(decode_base64url encode_base64url);

our @EXPORT_OK = qw(jwt jwt_raw jwt_parts);

my $json = JSON::PP->new->utf8->canonical;
my %hmac = (HS256 => \&hmac_sha256, HS384 => \&hmac_sha384,
            HS512 => \&hmac_sha512);


# A token of claims; an undef claim is left out.
#     key => ..., alg => 'HS256', header => { further members; undef: none }

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

    return "$input." . ($hmac ? encode_base64url($hmac->($input, $o{key}))
                              : '');
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
