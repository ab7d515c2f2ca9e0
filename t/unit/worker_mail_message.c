
/*
 * Mails as they go over the wire.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "skep_mail_message.h"


#define ID  "01890000-0000-7000-8000-000000000001"


static skep_mail_sender_t  sender = { "Skep", "skep@example.org" };


static skep_mail_message_t
message(void)
{
    return (skep_mail_message_t) {
        .from = &sender, .to = "ann@example.com", .id = ID,
        .subject = "Hello", .text = "Hello,\nworld.\n",
        .html = "<p>Hello</p>\n", .date = 1700000000
    };
}


static char *
make(const skep_mail_message_t *m)
{
    char    *text;
    size_t   len;

    text = skep_mail_message(m, &len);
    assert_non_null(text);
    assert_int_equal(strlen(text), len);

    return text;
}


/* every line ends with CRLF, has 76 bytes at most, and ASCII alone */

static void
assert_lines(const char *text)
{
    size_t       n;
    const char  *p, *end;

    for (p = text; *p; p = end + 2) {
        end = strstr(p, "\r\n");
        assert_non_null(end);
        assert_true(end - p <= 76);

        for (n = 0; n < (size_t) (end - p); n++) {
            assert_true((p[n] >= ' ' && p[n] <= '~') || p[n] == '\t');
        }
    }
}


/* the subject's header as it stands, to be freed */

static char *
subject(const char *text)
{
    char                 *mail, *p, *end, *result;
    skep_mail_message_t   m;

    m = message();
    m.subject = text;

    mail = make(&m);
    assert_lines(mail);

    p = strstr(mail, "\r\nSubject: ");
    assert_non_null(p);
    p += 11;

    end = strstr(p, "\r\nMessage-ID: <" ID "@example.org>\r\n");
    assert_non_null(end);

    result = strndup(p, end - p);
    free(mail);

    return result;
}


static void
assert_subject(const char *text, const char *want)
{
    char  *got;

    got = subject(text);
    assert_string_equal(got, want);
    free(got);
}


static void
test_whole(void **state)
{
    char                 *text;
    skep_mail_message_t   m;

    (void) state;

    m = message();
    text = make(&m);

    assert_string_equal(text,
        "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
        "From: Skep\r\n"
        " <skep@example.org>\r\n"
        "To: <ann@example.com>\r\n"
        "Subject: Hello\r\n"
        "Message-ID: <" ID "@example.org>\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: multipart/alternative;\r\n"
        " boundary=\"=_" ID "\"\r\n"
        "\r\n"
        "--=_" ID "\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n"
        "\r\n"
        "Hello,\r\n"
        "world.\r\n"
        "\r\n"
        "--=_" ID "\r\n"
        "Content-Type: text/html; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n"
        "\r\n"
        "<p>Hello</p>\r\n"
        "\r\n"
        "--=_" ID "--\r\n");

    free(text);
}


static void
test_headers(void **state)
{
    char                 *text;
    skep_mail_sender_t    from;
    skep_mail_message_t   m;

    (void) state;

    assert_int_equal(skep_mail_sender_parse(&from, "skep@example.org"), 0);

    m = message();
    m.from = &from;
    m.references = "01890000-0000-7000-8000-000000000002";
    m.unsubscribe = "https://app.example/settings";
    text = make(&m);

    assert_non_null(strstr(text, "\r\nFrom: <skep@example.org>\r\n"));
    assert_non_null(strstr(text, "\r\nReferences: "
                           "<01890000-0000-7000-8000-000000000002"
                           "@example.org>\r\n"));
    assert_non_null(strstr(text, "\r\nList-Unsubscribe:\r\n "
                           "<https://app.example/settings>\r\n"));
    free(text);

    assert_int_equal(skep_mail_sender_parse(&from, "B\xc3\xa4r, \xe2\x9c\x89 "
                                            "<skep@example.org>"),
                     0);
    text = make(&m);
    assert_non_null(strstr(text, "\r\nFrom: =?utf-8?B?QsOkciwg4pyJ?=\r\n"
                           " <skep@example.org>\r\n"));
    free(text);
}


static void
test_subject(void **state)
{
    char  *got, text[1001];
    size_t  i;

    (void) state;

    assert_subject("Hello", "Hello");
    assert_subject("a-b c!d? #1 + 2", "a-b c!d? #1 + 2");
    assert_subject("\xc3\xa4", "=?utf-8?B?w6Q=?=");
    assert_subject("a=?utf-8?B?w6Q=?=b",
                   "=?utf-8?B?YT0/dXRmLTg/Qj93NlE9Pz1i?=");
    assert_subject(" blank", "=?utf-8?B?IGJsYW5r?=");

    /* no end of a line gets through, even if one gets here */
    assert_subject("a\r\nBcc: b@example.com",
                   "=?utf-8?B?YQ0KQmNjOiBiQGV4YW1wbGUuY29t?=");

    /* long ones, in characters of each length and at each offset */
    for (i = 0; i < 4; i++) {
        memset(text, 'x', i);
        text[i] = '\0';

        while (strlen(text) < 190) {
            strcat(text, "\xf0\x9f\x90\x9d");
        }

        got = subject(text);
        assert_int_equal(strncmp(got, "=?utf-8?B?", 10), 0);
        assert_non_null(strstr(got, "?=\r\n =?utf-8?B?"));
        free(got);
    }

    memset(text, 'x', 1000);
    text[1000] = '\0';
    got = subject(text);
    assert_non_null(strstr(got, "?=\r\n =?utf-8?B?4oCm?="));
    assert_true(strlen(got) < 400);
    free(got);
}


/* an encoded word never ends within a character: RFC 2047, 5 */

static int
digit(char c)
{
    static const char  digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    return (int) (strchr(digits, c) - digits);
}


static void
test_words(void **state)
{
    int    i;
    char  *got, *p, *end, text[200];

    (void) state;

    for (i = 0; i < 4; i++) {
        (void) snprintf(text, sizeof(text), "%.*s", i, "xxxx");

        while (strlen(text) < 150) {
            strcat(text, "\xe2\x82\xac");
        }

        got = subject(text);

        for (p = got; (p = strstr(p, "=?utf-8?B?")) != NULL; p = end + 2) {
            p += 10;
            end = strstr(p, "?=");
            assert_non_null(end);
            assert_true(end + 2 - (p - 10) <= 75);

            /* the first byte of the word begins a character */
            assert_int_not_equal((digit(p[0]) << 2 | digit(p[1]) >> 4) & 0xc0,
                                 0x80);
        }

        free(got);
    }
}


/* the text part, decoded; to be freed */

static char *
decoded(const char *text)
{
    char                 *mail, *p, *end, *result, *q;
    skep_mail_message_t   m;

    m = message();
    m.text = text;

    mail = make(&m);
    assert_lines(mail);

    p = strstr(mail, "quoted-printable\r\n\r\n") + 20;
    end = strstr(p, "\r\n--=_" ID "\r\n");
    assert_non_null(end);
    *end = '\0';

    q = result = malloc(strlen(p) + 1);
    assert_non_null(result);

    while (*p) {
        if (p[0] == '=' && p[1] == '\r') {
            p += 3;

        } else if (p[0] == '=') {
            *q++ = (char) strtol((char[3]) { p[1], p[2], '\0' }, NULL, 16);
            p += 3;

        } else if (p[0] == '\r') {
            *q++ = '\n';
            p += 2;

        } else {
            /* a blank at the end of a line would be lost */
            assert_false(*p == ' ' && (p[1] == '\r' || p[1] == '\0'));
            *q++ = *p++;
        }
    }

    *q = '\0';
    free(mail);

    return result;
}


static void
assert_body(const char *text)
{
    char  *got;

    got = decoded(text);
    assert_string_equal(got, text);
    free(got);
}


static void
test_body(void **state)
{
    char  text[2001];
    int   i;

    (void) state;

    assert_body("");
    assert_body("a\n");
    assert_body("a \nb\t\n\n c = d\n.\n..x\nFrom me\n");
    assert_body("trailing ");
    assert_body("--=_" ID "--\n");
    assert_body("f\xc3\xbcr \xf0\x9f\x90\x9d \x01\x7f\n");

    /* each length around the limit of a line, and far beyond */
    for (i = 60; i < 160; i++) {
        memset(text, 'x', i);
        (void) strcpy(text + i, " \n=");
        assert_body(text);
        memset(text, '=', i);
        assert_body(text);
    }

    memset(text, ' ', 2000);
    text[2000] = '\0';
    assert_body(text);
}


static void
test_address(void **state)
{
    char  text[300];

    (void) state;

    assert_true(skep_mail_address_ok("a@b"));
    assert_true(skep_mail_address_ok("o'hara+x=y/z@mail.example.com"));
    assert_false(skep_mail_address_ok(""));
    assert_false(skep_mail_address_ok("a"));
    assert_false(skep_mail_address_ok("@b"));
    assert_false(skep_mail_address_ok("a@"));
    assert_false(skep_mail_address_ok("a@b@c"));
    assert_false(skep_mail_address_ok("a b@c"));
    assert_false(skep_mail_address_ok("a>@c"));
    assert_false(skep_mail_address_ok("a@c\r\nRCPT TO:<d@e>"));
    assert_false(skep_mail_address_ok("a@c\r\n"));
    assert_false(skep_mail_address_ok("\xc3\xa4@c"));

    memset(text, 'a', 253);
    (void) strcpy(text + 252, "@b");
    assert_true(skep_mail_address_ok(text));
    (void) strcpy(text + 253, "@b");
    assert_false(skep_mail_address_ok(text));
}


static void
test_sender(void **state)
{
    size_t              i;
    char                text[300];
    skep_mail_sender_t  s;

    static const char *const  bad[] = {
        "", "Skep", "Skep <>", "Skep <a@b", "Skep a@b>", "Skep <a@b> x",
        "Sk\nep <a@b>", "\"Skep\" <a@b>", "a@b, c@d"
    };

    (void) state;

    assert_int_equal(skep_mail_sender_parse(&s, "The Skep <skep@a.example>"),
                     0);
    assert_string_equal(s.name, "The Skep");
    assert_string_equal(s.address, "skep@a.example");

    assert_int_equal(skep_mail_sender_parse(&s, "<skep@a.example>"), 0);
    assert_string_equal(s.name, "");
    assert_string_equal(s.address, "skep@a.example");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(skep_mail_sender_parse(&s, bad[i]), -1);
    }

    memset(text, 'x', 128);
    (void) strcpy(text + 128, " <a@b>");
    assert_int_equal(skep_mail_sender_parse(&s, text), -1);
    assert_int_equal(skep_mail_sender_parse(&s, text + 1), 0);

    memset(text, 'x', 299);
    text[299] = '\0';
    assert_int_equal(skep_mail_sender_parse(&s, text), -1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_subject),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_body),
        cmocka_unit_test(test_address),
        cmocka_unit_test(test_sender)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
