
#include "ngx_unit.h"
#include "ngx_notify_secret.h"


#define KEY  "0123456789abcdef0123456789abcdef"


static ngx_uint_t  no_random;

int __real_RAND_bytes(unsigned char *buf, int n);
int __wrap_RAND_bytes(unsigned char *buf, int n);


int
__wrap_RAND_bytes(unsigned char *buf, int n)
{
    return no_random ? 0 : __real_RAND_bytes(buf, n);
}


static ngx_str_t  key = ngx_string(KEY);
static ngx_str_t  owner = ngx_string("017f22e2-79b0-7cc3-98c4-dc0c0c07398f");


static void
is_written_as_the_specification_has_it(void **state)
{
    u_char      secret[NGX_NOTIFY_SECRET_BYTES];
    u_char      text[NGX_NOTIFY_SECRET_TEXT + 2];
    ngx_uint_t  i;

    (void) state;

    for (i = 0; i < sizeof(secret); i++) {
        secret[i] = (u_char) (i + 0xf0);
    }

    memset(text, '*', sizeof(text));
    ngx_notify_secret_text(text, secret);

    assert_memory_equal(text,
        "whsec_8PHy8/T19vf4+fr7/P3+/wABAgMEBQYHCAkKCwwNDg8=**",
        sizeof(text));
}


static void
is_opened_by_its_owner(void **state)
{
    u_char      secret[NGX_NOTIFY_SECRET_BYTES], out[NGX_NOTIFY_SECRET_BYTES];
    u_char      text[NGX_NOTIFY_SECRET_SEALED + 1];
    u_char      again[NGX_NOTIFY_SECRET_SEALED];
    ngx_str_t   sealed;

    (void) state;

    assert_int_equal(ngx_notify_secret_make(secret), NGX_OK);

    text[NGX_NOTIFY_SECRET_SEALED] = '*';
    sealed.data = text;
    sealed.len = NGX_NOTIFY_SECRET_SEALED;

    assert_int_equal(ngx_notify_secret_seal(text, &key, &owner, secret),
                     NGX_OK);
    assert_int_equal(text[NGX_NOTIFY_SECRET_SEALED], '*');

    assert_int_equal(ngx_notify_secret_open(&sealed, &key, &owner, out),
                     NGX_OK);
    assert_memory_equal(out, secret, sizeof(out));

    /* never the same twice */

    assert_int_equal(ngx_notify_secret_seal(again, &key, &owner, secret),
                     NGX_OK);
    assert_memory_not_equal(again, text, sizeof(again));
}


static void
is_opened_by_nobody_else(void **state)
{
    u_char      secret[NGX_NOTIFY_SECRET_BYTES], out[NGX_NOTIFY_SECRET_BYTES];
    u_char      text[NGX_NOTIFY_SECRET_SEALED], odd[NGX_NOTIFY_SECRET_SEALED];
    ngx_str_t   sealed, other;
    ngx_uint_t  i;

    (void) state;

    assert_int_equal(ngx_notify_secret_make(secret), NGX_OK);
    assert_int_equal(ngx_notify_secret_seal(text, &key, &owner, secret),
                     NGX_OK);

    sealed.data = text;
    sealed.len = sizeof(text);

    ngx_str_set(&other, "017f22e2-79b0-7cc3-98c4-dc0c0c07398e");
    assert_int_equal(ngx_notify_secret_open(&sealed, &key, &other, out),
                     NGX_DECLINED);

    ngx_str_set(&other, "1123456789abcdef0123456789abcdef");
    assert_int_equal(ngx_notify_secret_open(&sealed, &other, &owner, out),
                     NGX_DECLINED);

    /* no character of it can be another */

    sealed.data = odd;

    for (i = 0; i < sizeof(odd); i++) {
        memcpy(odd, text, sizeof(odd));
        odd[i] = (odd[i] == 'A') ? 'B' : 'A';

        assert_int_equal(ngx_notify_secret_open(&sealed, &key, &owner, out),
                         NGX_DECLINED);
    }

    memcpy(odd, text, sizeof(odd));
    odd[7] = '*';
    assert_int_equal(ngx_notify_secret_open(&sealed, &key, &owner, out),
                     NGX_DECLINED);

    memcpy(odd, text, sizeof(odd));
    sealed.len--;
    assert_int_equal(ngx_notify_secret_open(&sealed, &key, &owner, out),
                     NGX_DECLINED);

    sealed.len = 0;
    assert_int_equal(ngx_notify_secret_open(&sealed, &key, &owner, out),
                     NGX_DECLINED);
}


static void
needs_randomness(void **state)
{
    u_char  secret[NGX_NOTIFY_SECRET_BYTES], other[NGX_NOTIFY_SECRET_BYTES];
    u_char  text[NGX_NOTIFY_SECRET_SEALED];

    (void) state;

    assert_int_equal(ngx_notify_secret_make(secret), NGX_OK);
    assert_int_equal(ngx_notify_secret_make(other), NGX_OK);
    assert_memory_not_equal(secret, other, sizeof(secret));

    no_random = 1;
    assert_int_equal(ngx_notify_secret_make(secret), NGX_ERROR);
    assert_int_equal(ngx_notify_secret_seal(text, &key, &owner, secret),
                     NGX_ERROR);
    no_random = 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(is_written_as_the_specification_has_it),
        cmocka_unit_test(is_opened_by_its_owner),
        cmocka_unit_test(is_opened_by_nobody_else),
        cmocka_unit_test(needs_randomness),
    };

    return unit_run(tests);
}
