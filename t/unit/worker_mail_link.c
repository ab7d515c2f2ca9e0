
/*
 * Addresses of pages that mails point to.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "skep_mail_link.h"


static void
assert_fault(skep_mail_link_t link, const char *pattern, const char *want)
{
    const char  *fault;

    fault = skep_mail_link_fault(link, pattern);
    assert_non_null(fault);
    assert_string_equal(fault, want);
}


static void
test_default(void **state)
{
    int   link;
    char  url[200];

    (void) state;

    for (link = 0; link < SKEP_MAIL_NLINKS; link++) {
        (void) strcpy(url, "https://app.example/x");
        (void) strcat(url, skep_mail_link_default(link));
        assert_null(skep_mail_link_fault(link, url));
    }
}


static void
test_fault(void **state)
{
    (void) state;

    assert_null(skep_mail_link_fault(SKEP_MAIL_LINK_TASK, "http://a"));
    assert_null(skep_mail_link_fault(SKEP_MAIL_LINK_TASK,
                                     "https://a:8443/#{project_id}/{task_id}"
                                     "?{task_id}"));

    assert_fault(SKEP_MAIL_LINK_TASK, "",
                 "is to begin with https:// or http://");
    assert_fault(SKEP_MAIL_LINK_TASK, "javascript:alert(1)//{task_id}",
                 "is to begin with https:// or http://");
    assert_fault(SKEP_MAIL_LINK_TASK, "https://", "has no host");
    assert_fault(SKEP_MAIL_LINK_TASK, "https:///x", "has no host");
    assert_fault(SKEP_MAIL_LINK_TASK, "https://{task_id}/", "has no host");
    assert_fault(SKEP_MAIL_LINK_TASK, "https://a/ b",
                 "has a character that a URL can't have");
    assert_fault(SKEP_MAIL_LINK_TASK, "https://a/\"b",
                 "has a character that a URL can't have");
    assert_fault(SKEP_MAIL_LINK_TASK, "https://a/\xc3\xa4",
                 "has a character that a URL can't have");
    assert_fault(SKEP_MAIL_LINK_TASK, "https://a/{id}",
                 "has a {name} that is not known there");
    assert_fault(SKEP_MAIL_LINK_TASK, "https://a/{task_id",
                 "has a {name} that is not known there");
    assert_fault(SKEP_MAIL_LINK_TASK, "https://a/{token}",
                 "has a {name} that is not known there");
    assert_fault(SKEP_MAIL_LINK_PROJECT, "https://a/{task_id}",
                 "has a {name} that is not known there");
    assert_fault(SKEP_MAIL_LINK_VERIFY, "https://a/verify",
                 "is to have {token} in it");
    assert_fault(SKEP_MAIL_LINK_RESET, "https://a/{token}/{task_id}",
                 "has a {name} that is not known there");
}


static void
assert_link(const char *pattern, const char *want)
{
    char  *url;

    static const skep_mail_link_values_t  values = {
        "a-Z_0.~ /&\"\r\n\xc3\xa4{task_id}", "1890", NULL
    };

    url = skep_mail_link_make(pattern, &values);
    assert_non_null(url);
    assert_string_equal(url, want);
    free(url);
}


static void
test_make(void **state)
{
    (void) state;

    assert_link("https://a/", "https://a/");
    assert_link("https://a/{task_id}", "https://a/1890");
    assert_link("https://a/{task_id}{task_id}#x", "https://a/18901890#x");
    assert_link("https://a/{project_id}/{task_id}", "https://a//1890");
    assert_link("https://a/?t={token}&x",
                "https://a/?t=a-Z_0.~%20%2F%26%22%0D%0A%C3%A4%7Btask_id%7D&x");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_default),
        cmocka_unit_test(test_fault),
        cmocka_unit_test(test_make)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
