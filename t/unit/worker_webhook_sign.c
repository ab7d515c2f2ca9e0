
/*
 * The signature of webhooks.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "skep_webhook_sign.h"


static const unsigned char  secret[] = {
    0x31, 0xf2, 0x90, 0xf6, 0xbf, 0x06, 0x29, 0x8a, 0xab, 0x4f, 0x08, 0xd4,
    0x3c, 0x3f, 0x08, 0x2c, 0xf6, 0x48, 0xa3, 0x62, 0xda, 0x2d, 0xa4, 0xb0
};


static void
assert_signature(const void *key, size_t key_len, const char *id,
    int64_t timestamp, const char *body, const char *want)
{
    char  signature[SKEP_WEBHOOK_SIGNATURE];

    assert_int_equal(skep_webhook_sign(signature, key, key_len, id, timestamp,
                                       body, strlen(body)), 0);
    assert_string_equal(signature, want);
}


static void
test_signature(void **state)
{
    (void) state;

    /* the example that Standard Webhooks' libraries are tested with */
    assert_signature(secret, sizeof(secret), "msg_p5jXN8AQM9LWM0D4loKWxJek",
                     1614265330, "{\"test\": 2432232314}",
                     "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");

    /* the rest by openssl dgst -mac HMAC */
    assert_signature(secret, sizeof(secret), "0", 0, "",
                     "v1,1B56lOZszqAtPUlYogVeJAWkq/DVwkLscgY/tmwEiMc=");
}


static void
test_long_secret(void **state)
{
    char  key[100];

    (void) state;

    memset(key, 'a', sizeof(key));

    assert_signature(key, sizeof(key), "x", -1, "y",
                     "v1,K43L0qBs2WUhPzPZKgvTu8AY8Wlj6sn42WM7eDn3q20=");
    assert_signature(key, sizeof(key), "x", INT64_MAX, "y",
                     "v1,kns8hGtLCKvIz3tnd16dZhMRfMAShNKdGZST+rjRKWk=");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_signature),
        cmocka_unit_test(test_long_secret)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
