
/*
 * Templates of mails: placeholders, and what users' text may do in them.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "skep_mail_template.h"


#define ALL  ((1u << SKEP_MAIL_NFIELDS) - 1)


static char *
render(const char *text, skep_mail_form_t form, const char *const *values)
{
    char                  *result, err[128];
    FILE                  *out;
    size_t                 len;
    skep_mail_template_t   t;

    assert_int_equal(skep_mail_template_parse(&t, text, strlen(text), 1, ALL,
                                              err, sizeof(err)),
                     0);

    result = NULL;
    out = open_memstream(&result, &len);
    assert_non_null(out);

    skep_mail_template_render(&t, form, values, out);
    assert_int_equal(fclose(out), 0);
    skep_mail_template_free(&t);

    return result;
}


static void
assert_render(const char *text, skep_mail_form_t form,
    const char *const *values, const char *want)
{
    char  *result;

    result = render(text, form, values);
    assert_string_equal(result, want);
    free(result);
}


static void
assert_value(const char *value, skep_mail_form_t form, const char *want)
{
    const char  *values[SKEP_MAIL_NFIELDS] = { NULL };

    values[SKEP_MAIL_TASK] = value;
    assert_render("{{task}}", form, values, want);
}


static void
assert_lines(const char *value, skep_mail_form_t form, const char *want)
{
    const char  *values[SKEP_MAIL_NFIELDS] = { NULL };

    values[SKEP_MAIL_COMMENT] = value;
    assert_render("{{comment}}", form, values, want);
}


static void
assert_fault(const char *text, unsigned allowed, const char *want)
{
    char                  err[128];
    skep_mail_template_t  t;

    assert_int_equal(skep_mail_template_parse(&t, text, strlen(text), 3,
                                              allowed, err, sizeof(err)),
                     -1);
    assert_string_equal(err, want);
}


static void
test_text(void **state)
{
    const char  *values[SKEP_MAIL_NFIELDS] = { NULL };

    (void) state;

    values[SKEP_MAIL_NAME] = "Ann";
    values[SKEP_MAIL_TASK] = "Buy milk";

    assert_render("", SKEP_MAIL_TEXT, values, "");
    assert_render("no {one} } }} {", SKEP_MAIL_TEXT, values,
                  "no {one} } }} {");
    assert_render("{{name}}", SKEP_MAIL_TEXT, values, "Ann");
    assert_render("Dear {{name}}: {{task}}{{name}}\n", SKEP_MAIL_TEXT, values,
                  "Dear Ann: Buy milkAnn\n");
    assert_render("[{{actor}}]", SKEP_MAIL_TEXT, values, "[]");
}


/* what a user wrote is not looked at as a template */

static void
test_once(void **state)
{
    (void) state;

    assert_value("{{token}}", SKEP_MAIL_TEXT, "{{token}}");
    assert_value("{{token}}", SKEP_MAIL_HTML, "{{token}}");
}


static void
test_faults(void **state)
{
    (void) state;

    assert_fault("a {{nothing}}", ALL, "3: unknown placeholder \"nothing\"");
    assert_fault("a\n\n{{ name }}", ALL, "5: unknown placeholder \" name \"");
    assert_fault("{{}}", ALL, "3: unknown placeholder \"\"");
    assert_fault("{{name}}\n{{names}}", ALL,
                 "4: unknown placeholder \"names\"");
    assert_fault("{{name", ALL, "3: \"{{\" without \"}}\"");
    assert_fault("\n{{name\n}}", ALL, "4: \"{{\" without \"}}\"");

    /* known, but not there */
    assert_fault("{{token}}", ALL & ~SKEP_MAIL_BIT(TOKEN),
                 "3: unknown placeholder \"token\"");
    assert_fault("{{0123456789012345678901234567890123456789xyz}}", ALL,
                 "3: unknown placeholder "
                 "\"0123456789012345678901234567890123456789\"");
}


static void
test_html(void **state)
{
    (void) state;

    assert_value("<script>alert('1 & 2')</script>\"", SKEP_MAIL_HTML,
                 "&lt;script&gt;alert(&#39;1 &amp; 2&#39;)&lt;/script&gt;"
                 "&quot;");
    assert_value("&lt;", SKEP_MAIL_HTML, "&amp;lt;");
    assert_value("<b>", SKEP_MAIL_TEXT, "<b>");
    assert_value("<b>", SKEP_MAIL_LINE, "<b>");
    assert_value("f\xc3\xbcr \xf0\x9f\x90\x9d", SKEP_MAIL_HTML,
                 "f\xc3\xbcr \xf0\x9f\x90\x9d");
}


/* a title is one line wherever it stands */

static void
test_line(void **state)
{
    unsigned  i;

    static const char *const  ends[] = {
        "a\nb", "a\r\nb", "a\rb", "a\n\n\r\nb", "a\tb", "a\x01\x1f" "b",
        "a\x7f" "b", "a\x0b" "b", "a\xe2\x80\xa8" "b", "a\xe2\x80\xa9" "b",
        "a\xc2\x85" "b"
    };

    (void) state;

    for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        assert_value(ends[i], SKEP_MAIL_LINE, "a b");
        assert_value(ends[i], SKEP_MAIL_TEXT, "a b");
        assert_value(ends[i], SKEP_MAIL_HTML, "a b");
    }

    /* marks that turn the direction, and others beside them */
    assert_value("a\xe2\x80\xae" "b\xe2\x81\xa6" "c", SKEP_MAIL_LINE, "abc");
    assert_value("a\xe2\x80\x9d" "b\xe2\x82\xac\xc2\xa0", SKEP_MAIL_LINE,
                 "a\xe2\x80\x9d" "b\xe2\x82\xac\xc2\xa0");
    assert_value("a  b", SKEP_MAIL_LINE, "a  b");
}


static void
test_lines(void **state)
{
    (void) state;

    assert_lines("a\r\nb\n\nc", SKEP_MAIL_TEXT, "a\nb\n\nc");
    assert_lines("a\r\n<b>", SKEP_MAIL_HTML, "a<br>\n&lt;b&gt;");
    assert_lines("a\nBcc: x", SKEP_MAIL_LINE, "a Bcc: x");
    assert_lines("a\x08\x08" "b\x1b[31m", SKEP_MAIL_TEXT, "a b [31m");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_html),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_lines)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
