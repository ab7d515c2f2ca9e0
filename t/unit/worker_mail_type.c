
/*
 * The types of mails and the files of their templates: the shipped ones, and
 * what is wrong with others.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "skep_mail_type.h"
#include "skep_wire.h"


#define TYPE_NAME(id, name)  name,

static const char *const  types[] = {
    SKEP_MAIL_TYPES(TYPE_NAME)
    SKEP_EVENT_TYPES(TYPE_NAME)
    SKEP_OWN_EVENT_TYPES(TYPE_NAME)
};

static char  dir[] = "/tmp/skep-mail-XXXXXX";


static void
put(const char *name, const char *text, size_t len)
{
    char   path[200];
    FILE  *out;

    (void) snprintf(path, sizeof(path), "%s/%s", dir, name);

    out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
}


static int
make(void **state)
{
    int   i;
    char  name[100];

    (void) state;

    assert_non_null(mkdtemp(dir));

    for (i = 0; i < SKEP_MAIL_NTYPES; i++) {
        (void) snprintf(name, sizeof(name), "%s.txt", skep_mail_types[i].name);
        put(name, "Subject\n\nText\n", 14);
        (void) snprintf(name, sizeof(name), "%s.html",
                        skep_mail_types[i].name);
        put(name, "<p>\n", 4);
    }

    put("layout.html", "<html>\n{{content}}\n</html>\n", 27);

    return 0;
}


static int
take_away(void **state)
{
    int   i;
    char  path[200];

    (void) state;

    for (i = 0; i < SKEP_MAIL_NTYPES; i++) {
        (void) snprintf(path, sizeof(path), "%s/%s.txt", dir,
                        skep_mail_types[i].name);
        (void) unlink(path);
        (void) snprintf(path, sizeof(path), "%s/%s.html", dir,
                        skep_mail_types[i].name);
        (void) unlink(path);
    }

    (void) snprintf(path, sizeof(path), "%s/layout.html", dir);
    (void) unlink(path);

    return rmdir(dir);
}


/* each type of the wire, and no other */

static void
test_types(void **state)
{
    size_t  i, j;

    (void) state;

    assert_int_equal(sizeof(types) / sizeof(types[0]), SKEP_MAIL_NTYPES);

    for (i = 0; i < SKEP_MAIL_NTYPES; i++) {
        j = (size_t) skep_mail_type(types[i]);
        assert_in_range(j, 0, SKEP_MAIL_NTYPES - 1);
        assert_string_equal(skep_mail_types[j].name, types[i]);
        assert_int_equal(skep_mail_types[j].account,
                         strncmp(types[i], SKEP_MAIL_PREFIX,
                                 strlen(SKEP_MAIL_PREFIX)) == 0);
    }

    assert_int_equal(skep_mail_type("task"), -1);
    assert_int_equal(skep_mail_type(""), -1);
}


/* what every field is worth, each different and each to be escaped */

#define VALUE(id, name, lines)  "<" #name ">",
#define TEXT_OF(id, name, lines)  "<" #name ">",
#define HTML_OF(id, name, lines)  "&lt;" #name "&gt;",

static void
test_shipped(void **state)
{
    int                     i, field;
    char                    err[400], path[400];
    const char             *root;
    skep_mail_content_t     content;
    skep_mail_templates_t  *templates;

    static const char *const  values[] = { SKEP_MAIL_FIELDS(VALUE) };
    static const char *const  text[] = { SKEP_MAIL_FIELDS(TEXT_OF) };
    static const char *const  html[] = { SKEP_MAIL_FIELDS(HTML_OF) };

    (void) state;

    root = getenv("SKEP_ROOT");
    (void) snprintf(path, sizeof(path), "%s/conf/mail", root ? root : ".");

    templates = skep_mail_templates_read(path, err, sizeof(err));
    if (templates == NULL) {
        fail_msg("%s", err);
    }

    for (i = 0; i < SKEP_MAIL_NTYPES; i++) {
        assert_int_equal(skep_mail_templates_render(&templates[i], values,
                                                    &content),
                         0);
        assert_null(strchr(content.subject, '\n'));
        assert_int_not_equal(strlen(content.subject), 0);
        assert_int_not_equal(content.text[0], '\n');

        for (field = 0; field < SKEP_MAIL_NFIELDS; field++) {

            /* the text and the page say the same */
            assert_int_equal(!strstr(content.text, text[field]),
                             !strstr(content.html, html[field]));
            assert_null(strstr(content.html, text[field]));
        }

        assert_non_null(strstr(content.text, "<link>"));

        /* what goes to unproved addresses has no text of anybody's */
        if (skep_mail_types[i].account) {
            assert_null(strstr(content.text, "<name>"));
            assert_non_null(strstr(content.text, "<token>"));
        }

        skep_mail_content_free(&content);
    }

    skep_mail_templates_free(templates);
}


static void
assert_content(const char *text, const char *subject, const char *body)
{
    int                     type;
    char                    err[400];
    const char             *values[SKEP_MAIL_NFIELDS] = { NULL };
    skep_mail_content_t     content;
    skep_mail_templates_t  *templates;

    values[SKEP_MAIL_TASK] = "Milk\nBcc: b@example.com";

    put("task.created.txt", text, strlen(text));

    templates = skep_mail_templates_read(dir, err, sizeof(err));
    assert_non_null(templates);

    type = skep_mail_type("task.created");
    assert_int_equal(skep_mail_templates_render(&templates[type], values,
                                                &content),
                     0);
    assert_string_equal(content.subject, subject);
    assert_string_equal(content.text, body);

    skep_mail_content_free(&content);
    skep_mail_templates_free(templates);
}


static void
test_subject(void **state)
{
    (void) state;

    assert_content("A", "A", "");
    assert_content("A\n", "A", "");
    assert_content("A\nB\n", "A", "B\n");
    assert_content("A\n\nB\n", "A", "B\n");
    assert_content("A\n\n\nB\n", "A", "\nB\n");
    assert_content("A\r\n\r\nB\r\n", "A", "B\r\n");
    assert_content("A: {{task}}\n\n{{task}}\n",
                   "A: Milk Bcc: b@example.com", "Milk Bcc: b@example.com\n");
}


static void
assert_fault(const char *name, const char *text, size_t len, const char *want)
{
    char  err[400], whole[400];

    put(name, text, len);

    assert_null(skep_mail_templates_read(dir, err, sizeof(err)));
    (void) snprintf(whole, sizeof(whole), "%s/%s%s", dir, name, want);
    assert_string_equal(err, whole);
}


static void
test_faults(void **state)
{
    char  *text, err[400], path[200];

    static const char  name[] = "task.created.txt";
    static const char  page[] = "comment.created.html";
    static const char  layout[] = "layout.html";

    (void) state;

    assert_fault(name, "", 0, ":1: no subject");
    assert_fault(name, " \t\nx", 4, ":1: no subject");
    assert_fault(name, "A {{x}}\n", 8, ":1: unknown placeholder \"x\"");
    assert_fault(name, "A\nB\n{{comment}}\n", 16,
                 ":3: unknown placeholder \"comment\"");
    assert_fault(name, "A\n\nB\n{{token}}\n", 15,
                 ":4: unknown placeholder \"token\"");
    assert_fault(name, "A\n\n{{task\n", 10, ":3: \"{{\" without \"}}\"");
    assert_fault(name, "A\n\0B\n", 5, ": not UTF-8");
    assert_fault(name, "A\n\xe4\n", 4, ": not UTF-8");
    assert_fault(name, "A\n\xe2\x82", 4, ": not UTF-8");

    text = malloc(300 * 1024);
    assert_non_null(text);
    memset(text, 'x', 300 * 1024);
    assert_fault(name, text, 300 * 1024, ": longer than 256 KB");
    free(text);

    put(name, "A\n", 2);
    assert_fault(page, "\n\n{{x}}", 7, ":3: unknown placeholder \"x\"");

    (void) snprintf(path, sizeof(path), "%s/%s", dir, page);
    assert_int_equal(unlink(path), 0);
    assert_null(skep_mail_templates_read(dir, err, sizeof(err)));
    assert_non_null(strstr(err, "/comment.created.html: No such file"));
    put(page, "<p>\n", 4);

    assert_fault(layout, "<p>\n", 4, ":1: no \"{{content}}\"");
    assert_fault(layout, "{{name}}\n{{content}}", 20,
                 ":1: unknown placeholder \"name\"");
    assert_fault(layout, "\n{{content}}\n{{name}}", 21,
                 ":3: unknown placeholder \"name\"");
    assert_fault(layout, "{{content}}\n{{content}}", 23,
                 ":2: unknown placeholder \"content\"");
    put(layout, "{{content}}", 11);

    assert_null(skep_mail_templates_read("/nowhere", err, sizeof(err)));
    assert_non_null(strstr(err, "/nowhere/auth."));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_shipped),
        cmocka_unit_test(test_subject),
        cmocka_unit_test(test_faults)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, make, take_away);
}
