
/*
 * Password hashes.
 */


#include "ngx_unit.h"
#include "ngx_auth_bcrypt.h"

#include <time.h>


static void
test_hash(void **state)
{
    char  hash[NGX_AUTH_BCRYPT_LEN + 1], again[NGX_AUTH_BCRYPT_LEN + 1];

    (void) state;

    assert_int_equal(ngx_auth_bcrypt_hash("correct horse", 4, hash), NGX_OK);
    assert_int_equal(strlen(hash), NGX_AUTH_BCRYPT_LEN);
    assert_memory_equal(hash, "$2b$04$", 7);

    assert_int_equal(ngx_auth_bcrypt_verify("correct horse", hash), NGX_OK);
    assert_int_equal(ngx_auth_bcrypt_verify("correct horsf", hash),
                     NGX_DECLINED);
    assert_int_equal(ngx_auth_bcrypt_verify("correct hors", hash),
                     NGX_DECLINED);
    assert_int_equal(ngx_auth_bcrypt_verify("", hash), NGX_DECLINED);

    /* each with a salt of its own */

    assert_int_equal(ngx_auth_bcrypt_hash("correct horse", 4, again), NGX_OK);
    assert_string_not_equal(hash, again);
    assert_int_equal(ngx_auth_bcrypt_verify("correct horse", again), NGX_OK);
}


/* of a hash made elsewhere */

static void
test_known(void **state)
{
    (void) state;

    assert_int_equal(ngx_auth_bcrypt_verify("U*U",
               "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
                     NGX_OK);
    assert_int_equal(ngx_auth_bcrypt_verify("U*V",
               "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
                     NGX_DECLINED);
}


static void
test_length(void **state)
{
    char  hash[NGX_AUTH_BCRYPT_LEN + 1], password[75];

    (void) state;

    memset(password, 'x', sizeof(password));

    password[72] = '\0';
    assert_int_equal(ngx_auth_bcrypt_hash(password, 4, hash), NGX_OK);
    assert_int_equal(ngx_auth_bcrypt_verify(password, hash), NGX_OK);

    password[71] = 'y';
    assert_int_equal(ngx_auth_bcrypt_verify(password, hash), NGX_DECLINED);
    password[71] = 'x';

    /* bcrypt itself would find these two the same */

    password[72] = 'x';
    password[73] = '\0';
    assert_int_equal(ngx_auth_bcrypt_verify(password, hash), NGX_ERROR);
    assert_int_equal(ngx_auth_bcrypt_hash(password, 4, hash), NGX_ERROR);
}


static void
test_faults(void **state)
{
    char  hash[NGX_AUTH_BCRYPT_LEN + 1];

    (void) state;

    assert_int_equal(ngx_auth_bcrypt_hash("password", 3, hash), NGX_ERROR);
    assert_int_equal(ngx_auth_bcrypt_hash("password", 32, hash), NGX_ERROR);
    assert_int_equal(ngx_auth_bcrypt_dummy(3, hash), NGX_ERROR);

    assert_int_equal(ngx_auth_bcrypt_verify("password", ""), NGX_ERROR);
    assert_int_equal(ngx_auth_bcrypt_verify("password", "*0"), NGX_ERROR);
    assert_int_equal(ngx_auth_bcrypt_verify("password", "password"),
                     NGX_ERROR);
    assert_int_equal(ngx_auth_bcrypt_verify("password",
               "$2b$99$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
                     NGX_ERROR);
    assert_int_equal(ngx_auth_bcrypt_verify("password",
               "*2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
                     NGX_ERROR);
}


static double
seconds(const char *hash)
{
    struct timespec  a, b;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
    assert_int_equal(ngx_auth_bcrypt_verify("password", hash), NGX_DECLINED);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);

    return (double) (b.tv_sec - a.tv_sec)
           + (double) (b.tv_nsec - a.tv_nsec) / 1e9;
}


/* nobody's hash: it is computed to the end, as any other of its cost */

static void
test_dummy(void **state)
{
    char    dummy[NGX_AUTH_BCRYPT_LEN + 1], hash[NGX_AUTH_BCRYPT_LEN + 1];
    double  ratio;

    (void) state;

    assert_int_equal(ngx_auth_bcrypt_dummy(8, dummy), NGX_OK);
    assert_int_equal(strlen(dummy), NGX_AUTH_BCRYPT_LEN);
    assert_memory_equal(dummy, "$2b$08$", 7);

    assert_int_equal(ngx_auth_bcrypt_hash("another", 8, hash), NGX_OK);

    (void) seconds(hash);
    ratio = seconds(dummy) / seconds(hash);

    assert_true(ratio > 0.5 && ratio < 2);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_dummy)
    };

    return unit_run(tests);
}
