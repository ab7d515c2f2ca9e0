
/*
 * Templates of mails.
 */


#include "skep_mail_template.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>


static int skep_mail_template_fault(char *err, size_t size, unsigned line,
    const char *what, const char *name, size_t len);
static int skep_mail_template_field(const char *name, size_t len,
    unsigned allowed);
static skep_mail_part_t *skep_mail_template_add(skep_mail_template_t *t);
static size_t skep_mail_value_mark(const unsigned char *p, bool *line);
static void skep_mail_value_char(int ch, skep_mail_form_t form, FILE *out);
static void skep_mail_value_write(const char *value, bool lines,
    skep_mail_form_t form, FILE *out);


#define SKEP_MAIL_FIELD_ROW(id, name, lines)  { #name, lines },

static const struct {
    const char  *name;
    bool         lines;
} skep_mail_fields[] = {
    SKEP_MAIL_FIELDS(SKEP_MAIL_FIELD_ROW)
};


int
skep_mail_template_parse(skep_mail_template_t *t, const char *text, size_t len,
    unsigned line, unsigned allowed, char *err, size_t size)
{
    int                field;
    const char        *p, *end, *open, *close;
    skep_mail_part_t  *part;

    memset(t, 0, sizeof(skep_mail_template_t));

    t->source = malloc(len + 1);
    if (t->source == NULL) {
        return skep_mail_template_fault(err, size, line, "no memory", "", 0);
    }

    memcpy(t->source, text, len);
    t->source[len] = '\0';
    end = t->source + len;

    for (p = t->source; p < end; p = close + 2) {
        open = strstr(p, "{{");

        part = skep_mail_template_add(t);
        if (part == NULL) {
            skep_mail_template_free(t);
            return skep_mail_template_fault(err, size, line, "no memory", "",
                                            0);
        }

        part->text = p;
        part->len = (open ? open : end) - p;

        for ( /* void */ ; p < part->text + part->len; p++) {
            line += (*p == '\n');
        }

        if (open == NULL) {
            break;
        }

        open += 2;
        close = strstr(open, "}}");

        if (close == NULL || memchr(open, '\n', close - open)) {
            skep_mail_template_free(t);
            return skep_mail_template_fault(err, size, line,
                                            "\"{{\" without \"}}\"", "", 0);
        }

        field = skep_mail_template_field(open, close - open, allowed);

        if (field < 0) {
            skep_mail_template_fault(err, size, line, "unknown placeholder ",
                                     open, close - open);
            skep_mail_template_free(t);
            return -1;
        }

        part = skep_mail_template_add(t);
        if (part == NULL) {
            skep_mail_template_free(t);
            return skep_mail_template_fault(err, size, line, "no memory", "",
                                            0);
        }

        part->text = NULL;
        part->field = (skep_mail_field_t) field;
    }

    return 0;
}


static int
skep_mail_template_fault(char *err, size_t size, unsigned line,
    const char *what, const char *name, size_t len)
{
    if (len > 40) {
        len = 40;
    }

    if (*name) {
        (void) snprintf(err, size, "%u: %s\"%.*s\"", line, what, (int) len,
                        name);
    } else {
        (void) snprintf(err, size, "%u: %s", line, what);
    }

    return -1;
}


static int
skep_mail_template_field(const char *name, size_t len, unsigned allowed)
{
    unsigned  i;

    for (i = 0; i < SKEP_MAIL_NFIELDS; i++) {
        if (strlen(skep_mail_fields[i].name) == len
            && memcmp(skep_mail_fields[i].name, name, len) == 0)
        {
            return (allowed & (1u << i)) ? (int) i : -1;
        }
    }

    return -1;
}


/* a further part, or NULL */

static skep_mail_part_t *
skep_mail_template_add(skep_mail_template_t *t)
{
    skep_mail_part_t  *parts;

    parts = realloc(t->parts, (t->nparts + 1) * sizeof(skep_mail_part_t));
    if (parts == NULL) {
        return NULL;
    }

    t->parts = parts;

    return &parts[t->nparts++];
}


void
skep_mail_template_free(skep_mail_template_t *t)
{
    free(t->source);
    free(t->parts);
    memset(t, 0, sizeof(skep_mail_template_t));
}


void
skep_mail_template_render(const skep_mail_template_t *t, skep_mail_form_t form,
    const char *const *values, FILE *out)
{
    size_t                   i;
    const char              *value;
    const skep_mail_part_t  *part;

    for (i = 0; i < t->nparts; i++) {
        part = &t->parts[i];

        if (part->text) {
            (void) fwrite(part->text, 1, part->len, out);
            continue;
        }

        value = values[part->field];

        if (value) {
            skep_mail_value_write(value,
                                  form != SKEP_MAIL_LINE
                                  && skep_mail_fields[part->field].lines,
                                  form, out);
        }
    }
}


static void
skep_mail_value_write(const char *value, bool lines, skep_mail_form_t form,
    FILE *out)
{
    bool                  line, blank;
    size_t                n;
    const unsigned char  *p;

    blank = false;

    for (p = (const unsigned char *) value; *p; p += n) {
        n = skep_mail_value_mark(p, &line);

        if (n == 0) {
            skep_mail_value_char(*p, form, out);
            blank = false;
            n = 1;
            continue;
        }

        if (line && lines) {
            (void) fputs(form == SKEP_MAIL_HTML ? "<br>\n" : "\n", out);
            continue;
        }

        /* one blank for many */
        if ((n == 1 || line) && !blank) {
            (void) fputc(' ', out);
            blank = true;
        }
    }
}


/*
 * The length of a character that is not to be seen as it is, or 0: controls,
 * ends of lines, and those that turn the direction of what follows (U+202A to
 * U+202E, U+2066 to U+2069).
 */

static size_t
skep_mail_value_mark(const unsigned char *p, bool *line)
{
    *line = false;

    if (p[0] < 0x20 || p[0] == 0x7f) {
        *line = (p[0] == '\n');

        if (p[0] == '\r' && p[1] == '\n') {
            *line = true;
            return 2;
        }

        return 1;
    }

    if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f) {
        *line = (p[1] == 0x85);
        return 2;
    }

    if (p[0] != 0xe2) {
        return 0;
    }

    if (p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae) {
        *line = (p[2] <= 0xa9);
        return 3;
    }

    if (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9) {
        return 3;
    }

    return 0;
}


static void
skep_mail_value_char(int ch, skep_mail_form_t form, FILE *out)
{
    if (form != SKEP_MAIL_HTML) {
        (void) fputc(ch, out);
        return;
    }

    switch (ch) {

    case '&':
        (void) fputs("&amp;", out);
        break;

    case '<':
        (void) fputs("&lt;", out);
        break;

    case '>':
        (void) fputs("&gt;", out);
        break;

    case '"':
        (void) fputs("&quot;", out);
        break;

    case '\'':
        (void) fputs("&#39;", out);
        break;

    default:
        (void) fputc(ch, out);
    }
}
