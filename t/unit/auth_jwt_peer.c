
/*
 * Access tokens among others: what is signed here is good for libjwt, and what
 * that signs is good here.
 */


#include "auth_forge.h"
#include "ngx_auth_key.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <jwt.h>


typedef struct {
    const char  *name;
    jwt_alg_t    alg;
    EVP_PKEY    *pkey;      /* NULL: by forge_secret */
} peer_t;


/* one for each algorithm */
static peer_t  peers[] = {
    { "HS256", JWT_ALG_HS256, NULL },
    { "RS256", JWT_ALG_RS256, NULL },
    { "ES256", JWT_ALG_ES256, NULL }
};


static int
setup(void **state)
{
    (void) state;

    peers[1].pkey = EVP_RSA_gen(2048);
    peers[2].pkey = EVP_EC_gen("P-256");

    return peers[1].pkey && peers[2].pkey ? 0 : -1;
}


static int
teardown(void **state)
{
    (void) state;

    EVP_PKEY_free(peers[1].pkey);
    EVP_PKEY_free(peers[2].pkey);

    return 0;
}


/* what a configuration file has, or what libjwt wants */

static ngx_str_t
peer_text(ngx_pool_t *pool, const peer_t *peer, ngx_uint_t private)
{
    ngx_str_t  text;

    if (peer->pkey) {
        return forge_pem(pool, peer->pkey, private);
    }

    text.data = forge_secret;
    text.len = 32;

    return text;
}


static ngx_auth_jwt_key_t
peer_key(ngx_pool_t *pool, const peer_t *peer)
{
    ngx_str_t           alg, kid, text;
    ngx_auth_jwt_key_t  key;

    alg.data = (u_char *) peer->name;
    alg.len = strlen(peer->name);
    ngx_str_set(&kid, "the-key");
    text = peer_text(pool, peer, 1);

    assert_null(ngx_auth_key_read(pool, &alg, &kid, &text, &key));

    return key;
}


static void
test_ours(void **state)
{
    jwt_t                  *jwt;
    char                   *token;
    ngx_str_t               text;
    ngx_uint_t              i;
    ngx_pool_t             *pool;
    ngx_auth_jwt_key_t      key;
    ngx_auth_jwt_conf_t     cf;
    ngx_auth_jwt_issuer_t   issuer;
    ngx_auth_jwt_claims_t   claims;

    (void) state;

    pool = unit_pool();

    memset(&claims, 0, sizeof(claims));
    strcpy((char *) claims.user, USER);
    strcpy((char *) claims.session, SESSION);
    strcpy((char *) claims.role, "user");
    claims.expires = NOW + 900;

    for (i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
        key = peer_key(pool, &peers[i]);
        cf = forge_conf_of(&issuer, &key, 1);

        token = ngx_auth_jwt_sign(&cf, &claims, "jti", NOW);
        assert_non_null(token);

        text = peer_text(pool, &peers[i], 0);
        assert_int_equal(jwt_decode(&jwt, token, text.data, (int) text.len),
                         0);

        assert_int_equal(jwt_get_alg(jwt), peers[i].alg);
        assert_string_equal(jwt_get_header(jwt, "kid"), "the-key");
        assert_string_equal(jwt_get_grant(jwt, "iss"), "skep");
        assert_string_equal(jwt_get_grant(jwt, "sub"), USER);
        assert_int_equal(jwt_get_grant_int(jwt, "exp"), NOW + 900);

        jwt_free(jwt);
        free(token);
    }

    ngx_destroy_pool(pool);
}


static void
test_theirs(void **state)
{
    jwt_t                  *jwt;
    char                   *token;
    ngx_str_t               text;
    ngx_uint_t              i;
    ngx_pool_t             *pool;
    ngx_auth_jwt_key_t      key;
    ngx_auth_jwt_conf_t     cf;
    ngx_auth_jwt_issuer_t   issuer;

    (void) state;

    pool = unit_pool();

    for (i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
        key = peer_key(pool, &peers[i]);
        cf = forge_conf_of(&issuer, &key, 1);
        text = peer_text(pool, &peers[i], 1);

        assert_int_equal(jwt_new(&jwt), 0);
        assert_int_equal(jwt_add_grants_json(jwt, CLAIMS), 0);
        assert_int_equal(jwt_set_alg(jwt, peers[i].alg, text.data,
                                     (int) text.len),
                         0);

        token = jwt_encode_str(jwt);
        assert_non_null(token);
        assert_good_by(&cf, token);

        jwt_free(jwt);
    }

    ngx_destroy_pool(pool);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_ours),
        cmocka_unit_test(test_theirs)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, setup, teardown);
}
