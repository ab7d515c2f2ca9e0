
/*
 * What becomes of a mail, by what libcurl and the server say.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <cmocka.h>

#include "skep_mail_smtp.h"


static void
assert_verdict(CURLcode code, long answer, bool begun,
    skep_mail_verdict_t want)
{
    assert_int_equal(skep_mail_smtp_verdict(code, answer, begun), want);
}


static void
test_sent(void **state)
{
    (void) state;

    assert_verdict(CURLE_OK, 250, true, SKEP_MAIL_SENT);

    /* the last answer is that to QUIT, if there is one */
    assert_verdict(CURLE_OK, 221, true, SKEP_MAIL_SENT);
    assert_verdict(CURLE_OK, 500, true, SKEP_MAIL_SENT);
}


static void
test_again(void **state)
{
    (void) state;

    /* nobody there, or no answer */
    assert_verdict(CURLE_COULDNT_CONNECT, 0, false, SKEP_MAIL_AGAIN);
    assert_verdict(CURLE_OPERATION_TIMEDOUT, 354, true, SKEP_MAIL_AGAIN);
    assert_verdict(CURLE_RECV_ERROR, 354, true, SKEP_MAIL_AGAIN);
    assert_verdict(CURLE_PEER_FAILED_VERIFICATION, 220, false,
                   SKEP_MAIL_AGAIN);

    /* for now */
    assert_verdict(CURLE_SEND_ERROR, 421, false, SKEP_MAIL_AGAIN);
    assert_verdict(CURLE_SEND_ERROR, 450, false, SKEP_MAIL_AGAIN);
    assert_verdict(CURLE_WEIRD_SERVER_REPLY, 499, true, SKEP_MAIL_AGAIN);

    /* of the server, not of the mail: greeting, STARTTLS, login */
    assert_verdict(CURLE_WEIRD_SERVER_REPLY, 554, false, SKEP_MAIL_AGAIN);
    assert_verdict(CURLE_REMOTE_ACCESS_DENIED, 550, false, SKEP_MAIL_AGAIN);
    assert_verdict(CURLE_USE_SSL_FAILED, 502, false, SKEP_MAIL_AGAIN);
    assert_verdict(CURLE_LOGIN_DENIED, 535, false, SKEP_MAIL_AGAIN);
    assert_verdict(CURLE_SEND_ERROR, 530, false, SKEP_MAIL_AGAIN);
    assert_verdict(CURLE_SEND_ERROR, 538, false, SKEP_MAIL_AGAIN);
}


static void
test_refused(void **state)
{
    (void) state;

    assert_verdict(CURLE_SEND_ERROR, 500, false, SKEP_MAIL_REFUSED);
    assert_verdict(CURLE_SEND_ERROR, 550, false, SKEP_MAIL_REFUSED);
    assert_verdict(CURLE_SEND_ERROR, 599, false, SKEP_MAIL_REFUSED);
    assert_verdict(CURLE_WEIRD_SERVER_REPLY, 554, true, SKEP_MAIL_REFUSED);

    assert_verdict(CURLE_SEND_ERROR, 600, false, SKEP_MAIL_AGAIN);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_sent),
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_refused)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
