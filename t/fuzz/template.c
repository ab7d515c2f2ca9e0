
/*
 * Templates of mails and links, with values of users.  A template, or the
 * pattern of a link, up to 0xff; the rest is the value of each placeholder.
 * The first byte is "l" for a link, "h", "t" and "s" for a template of HTML, of
 * text, and of one line.
 */


#include "fuzz.h"
#include "skep_mail_link.h"
#include "skep_mail_template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static unsigned
template_count(const char *text, char c)
{
    unsigned  n;

    for (n = 0; *text; text++) {
        n += (*text == c);
    }

    return n;
}


static char *
template_render(const skep_mail_template_t *t, skep_mail_form_t form,
    const char *value)
{
    char        *text;
    FILE        *out;
    size_t       len, i;
    const char  *values[SKEP_MAIL_NFIELDS];

    for (i = 0; i < SKEP_MAIL_NFIELDS; i++) {
        values[i] = value;
    }

    text = NULL;
    out = open_memstream(&text, &len);
    fuzz_check(out != NULL);

    skep_mail_template_render(t, form, values, out);

    fuzz_check(fclose(out) == 0);

    return text;
}


/* a value can't be seen outside of its place: of HTML it is no tag but the
 * ends of its lines, of a line no other line */

static void
template_value(skep_mail_form_t form, const char *placeholder,
    const char *value, unsigned *tags)
{
    char                   err[128], *text, *p;
    skep_mail_template_t   t;

    fuzz_check(skep_mail_template_parse(&t, placeholder, strlen(placeholder),
                                        1, ~0u, err, sizeof(err))
               == 0);

    text = template_render(&t, form, value);
    skep_mail_template_free(&t);

    fuzz_check(!fuzz_utf8(value, strlen(value))
               || fuzz_utf8(text, strlen(text)));
    fuzz_check(strchr(text, '\r') == NULL);
    fuzz_check(form != SKEP_MAIL_LINE || strchr(text, '\n') == NULL);

    if (form == SKEP_MAIL_HTML) {
        fuzz_check(strpbrk(text, "\"'") == NULL);
        *tags = template_count(text, '<');
        fuzz_check(template_count(text, '>') == *tags);

        for (p = text; (p = strchr(p, '<')) != NULL; p++) {
            fuzz_check(strncmp(p, "<br>\n", 5) == 0);
        }

        for (p = text; (p = strchr(p, '&')) != NULL; p++) {
            fuzz_check(strcspn(p, ";") <= 5);
        }
    }

    free(text);
}


/* the template itself, and that many times more what the values are */

static void
template_rendered(const skep_mail_template_t *t, const char *literal,
    const char *rendered, const char *value)
{
    size_t    i;
    unsigned  tags[2], n[2];

    n[0] = n[1] = tags[0] = tags[1] = 0;

    for (i = 0; i < t->nparts; i++) {
        if (t->parts[i].text == NULL) {
            n[t->parts[i].field == SKEP_MAIL_COMMENT]++;
        }
    }

    template_value(SKEP_MAIL_HTML, "{{name}}", value, &tags[0]);
    template_value(SKEP_MAIL_HTML, "{{comment}}", value, &tags[1]);

    fuzz_check(tags[0] == 0);
    fuzz_check(template_count(rendered, '<')
               == template_count(literal, '<') + n[1] * tags[1]);
    fuzz_check(template_count(rendered, '"') == template_count(literal, '"'));
    fuzz_check(template_count(rendered, '\'')
               == template_count(literal, '\''));
}


static void
template_template(skep_mail_form_t form, const char *pattern,
    const char *value)
{
    int                    rc;
    char                   err[128], *rendered, *literal;
    skep_mail_template_t   t;

    err[0] = '\0';
    rc = skep_mail_template_parse(&t, pattern, strlen(pattern), 1, ~0u, err,
                                  sizeof(err));

    fuzz_check(rc == 0 || (err[0] != '\0' && strlen(err) < sizeof(err)));

    if (rc != 0) {
        return;
    }

    rendered = template_render(&t, form, value);
    literal = template_render(&t, form, NULL);

    fuzz_check(strstr(pattern, "{{") != NULL
               || strcmp(pattern, rendered) == 0);

    if (form == SKEP_MAIL_HTML) {
        template_rendered(&t, literal, rendered, value);

    } else {
        template_value(form, "{{name}}", value, NULL);
        template_value(form, "{{comment}}", value, NULL);
    }

    free(rendered);
    free(literal);
    skep_mail_template_free(&t);
}


/* the value, percent-encoded, and the rest as it was */

static void
template_link(const char *pattern, const char *value)
{
    char                      *url;
    unsigned                   i;
    const char                *fault;
    skep_mail_link_values_t    values;

    for (i = 0; i < SKEP_MAIL_NLINKS; i++) {
        fault = skep_mail_link_fault((skep_mail_link_t) i, pattern);

        if (fault) {
            fuzz_check(*fault != '\0');
            continue;
        }

        values = (skep_mail_link_values_t) { value, value, value };
        url = skep_mail_link_make(pattern, &values);
        fuzz_check(url != NULL);

        fuzz_check(fuzz_printable(url, strlen(url), 0));
        fuzz_check(strpbrk(url, "<>\"\\^`|{}") == NULL
                   || strpbrk(pattern, "}") != NULL);
        fuzz_check(strncmp(url, "http", 4) == 0);
        fuzz_check(template_count(url, '/') == template_count(pattern, '/'));
        fuzz_check(template_count(url, '?') == template_count(pattern, '?'));
        fuzz_check(template_count(url, '#') == template_count(pattern, '#'));
        fuzz_check(template_count(url, '&') == template_count(pattern, '&'));
        fuzz_check(template_count(url, '@') == template_count(pattern, '@'));

        free(url);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int            kind;
    char          *pattern, *value;
    fuzz_input_t   input;

    input = fuzz_input(data, size);
    kind = (int) fuzz_number(&input, 1);

    pattern = fuzz_text(&input, 0xff, NULL);
    value = fuzz_text(&input, -1, NULL);

    switch (kind) {

    case 'l':
        template_link(pattern, value);
        break;

    case 'h':
        template_template(SKEP_MAIL_HTML, pattern, value);
        break;

    case 't':
        template_template(SKEP_MAIL_TEXT, pattern, value);
        break;

    case 's':
        template_template(SKEP_MAIL_LINE, pattern, value);
        break;
    }

    free(pattern);
    free(value);

    return 0;
}
