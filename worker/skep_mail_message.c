
/*
 * Mails as they go over the wire.
 *
 * Whatever comes from users is encoded: a subject that is not short ASCII is
 * base64 in encoded words, bodies are quoted-printable.  So a header can't be
 * ended by what stands in it, and no line is long.
 */


#include "skep_mail_message.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define SKEP_MAIL_SUBJECT_MAX   200     /* bytes, then an ellipsis */
#define SKEP_MAIL_HEADER_LINE   76
#define SKEP_MAIL_WORD_MAX      45      /* bytes in an encoded word */
#define SKEP_MAIL_WORD_FIRST    39      /* beside the name of a header */
#define SKEP_MAIL_BODY_LINE     75      /* and a "=" */


static void skep_mail_header_date(time_t date, FILE *out);
static void skep_mail_header_text(const char *name, const char *text,
    FILE *out);
static bool skep_mail_header_plain(const char *text, size_t len, size_t room);
static void skep_mail_header_words(const unsigned char *p, size_t len,
    FILE *out);
static void skep_mail_base64(const unsigned char *p, size_t n, FILE *out);
static size_t skep_mail_utf8_cut(const unsigned char *p, size_t len,
    size_t max);
static void skep_mail_body(const char *id, const char *type, const char *text,
    FILE *out);
static void skep_mail_quoted(const char *text, FILE *out);
static const char *skep_mail_domain(const skep_mail_sender_t *from);


char *
skep_mail_message(const skep_mail_message_t *m, size_t *len)
{
    bool         failed;
    char        *text;
    FILE        *out;
    const char  *domain;

    text = NULL;

    out = open_memstream(&text, len);
    if (out == NULL) {
        return NULL;
    }

    domain = skep_mail_domain(m->from);

    skep_mail_header_date(m->date, out);

    if (m->from->name[0]) {
        skep_mail_header_text("From", m->from->name, out);
        (void) fprintf(out, "\r\n <%s>\r\n", m->from->address);
    } else {
        (void) fprintf(out, "From: <%s>\r\n", m->from->address);
    }

    (void) fprintf(out, "To: <%s>\r\n", m->to);
    skep_mail_header_text("Subject", m->subject, out);
    (void) fprintf(out, "\r\nMessage-ID: <%s@%s>\r\n", m->id, domain);

    if (m->references) {
        (void) fprintf(out, "References: <%s@%s>\r\n", m->references, domain);
    }

    (void) fputs("Auto-Submitted: auto-generated\r\n", out);

    if (m->unsubscribe) {
        (void) fprintf(out, "List-Unsubscribe:\r\n <%s>\r\n", m->unsubscribe);
    }

    (void) fprintf(out, "MIME-Version: 1.0\r\n"
                        "Content-Type: multipart/alternative;\r\n"
                        " boundary=\"=_%s\"\r\n\r\n", m->id);

    skep_mail_body(m->id, "plain", m->text, out);
    skep_mail_body(m->id, "html", m->html, out);
    (void) fprintf(out, "--=_%s--\r\n", m->id);

    failed = (ferror(out) != 0);

    if (fclose(out) != 0 || failed) {
        free(text);
        return NULL;
    }

    return text;
}


/* not strftime(), which knows locales */

static void
skep_mail_header_date(time_t date, FILE *out)
{
    struct tm  tm;

    static const char  days[7][4] = {
        "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"
    };

    static const char  months[12][4] = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun",
        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
    };

    if (gmtime_r(&date, &tm) == NULL) {
        return;
    }

    (void) fprintf(out, "Date: %s, %02d %s %d %02d:%02d:%02d +0000\r\n",
                   days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
                   tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}


/* a header of free text, without the end of its line */

static void
skep_mail_header_text(const char *name, const char *text, FILE *out)
{
    size_t  len, cut;

    len = strlen(text);
    cut = skep_mail_utf8_cut((const unsigned char *) text, len,
                             SKEP_MAIL_SUBJECT_MAX);

    (void) fprintf(out, "%s: ", name);

    if (cut == len
        && skep_mail_header_plain(text, len,
                                  SKEP_MAIL_HEADER_LINE - strlen(name) - 2))
    {
        (void) fputs(text, out);
        return;
    }

    skep_mail_header_words((const unsigned char *) text, cut, out);

    if (cut < len) {
        (void) fputs("\r\n =?utf-8?B?4oCm?=", out);     /* U+2026 */
    }
}


/* words of ASCII that fit into the line and that nothing takes for more; the
 * name in From is a phrase, in which punctuation has a meaning */

static bool
skep_mail_header_plain(const char *text, size_t len, size_t room)
{
    size_t  i;

    if (len > room || len == 0 || text[0] == ' ' || text[len - 1] == ' ') {
        return false;
    }

    for (i = 0; i < len; i++) {
        if ((unsigned char) text[i] < ' ' || (unsigned char) text[i] > '~'
            || strchr("\"(),:;<>@[\\]=", text[i]))
        {
            return false;
        }
    }

    return true;
}


/* RFC 2047: no line is longer than 76, and no word ends within a character */

static void
skep_mail_header_words(const unsigned char *p, size_t len, FILE *out)
{
    size_t  n, max;

    for (max = SKEP_MAIL_WORD_FIRST; len; max = SKEP_MAIL_WORD_MAX) {
        n = skep_mail_utf8_cut(p, len, max);

        (void) fputs("=?utf-8?B?", out);
        skep_mail_base64(p, n, out);
        (void) fputs("?=", out);

        p += n;
        len -= n;

        if (len) {
            (void) fputs("\r\n ", out);
        }
    }
}


static void
skep_mail_base64(const unsigned char *p, size_t n, FILE *out)
{
    uint32_t  v;

    static const char  digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    while (n) {
        v = (uint32_t) p[0] << 16;
        v |= n > 1 ? (uint32_t) p[1] << 8 : 0;
        v |= n > 2 ? (uint32_t) p[2] : 0;

        (void) fputc(digits[v >> 18], out);
        (void) fputc(digits[(v >> 12) & 63], out);
        (void) fputc(n > 1 ? digits[(v >> 6) & 63] : '=', out);
        (void) fputc(n > 2 ? digits[v & 63] : '=', out);

        p += n > 2 ? 3 : n;
        n -= n > 2 ? 3 : n;
    }
}


/* the longest beginning of at most max bytes, of whole characters */

static size_t
skep_mail_utf8_cut(const unsigned char *p, size_t len, size_t max)
{
    size_t  n;

    if (len <= max) {
        return len;
    }

    for (n = max; n > max - 4 && (p[n] & 0xc0) == 0x80; n--) { /* void */ }

    return n;
}


static void
skep_mail_body(const char *id, const char *type, const char *text, FILE *out)
{
    (void) fprintf(out, "--=_%s\r\n"
                        "Content-Type: text/%s; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
                   id, type);

    skep_mail_quoted(text, out);
    (void) fputs("\r\n", out);
}


/*
 * Quoted-printable, RFC 2045, 6.7.  The boundary has "=_", which can't come of
 * it.
 */

static void
skep_mail_quoted(const char *text, FILE *out)
{
    bool                  last, plain;
    unsigned              column;
    const unsigned char  *p;

    column = 0;

    for (p = (const unsigned char *) text; *p; p++) {

        if (*p == '\n') {
            (void) fputs("\r\n", out);
            column = 0;
            continue;
        }

        if (*p == '\r' && p[1] == '\n') {
            continue;
        }

        /* a blank at the end of a line would get lost */
        last = p[1] == '\0' || p[1] == '\n' || (p[1] == '\r' && p[2] == '\n');
        plain = (*p > ' ' && *p <= '~' && *p != '=')
                || ((*p == ' ' || *p == '\t') && !last);

        if (column + (plain ? 1 : 3) > SKEP_MAIL_BODY_LINE) {
            (void) fputs("=\r\n", out);
            column = 0;
        }

        if (plain) {
            (void) fputc(*p, out);
            column++;
        } else {
            (void) fprintf(out, "=%02X", *p);
            column += 3;
        }
    }
}


static const char *
skep_mail_domain(const skep_mail_sender_t *from)
{
    return strchr(from->address, '@') + 1;
}


bool
skep_mail_address_ok(const char *address)
{
    const char  *p, *sign;

    sign = strchr(address, '@');

    if (sign == NULL || sign == address || sign[1] == '\0'
        || strlen(address) > SKEP_MAIL_ADDRESS_MAX)
    {
        return false;
    }

    for (p = address; *p; p++) {
        if (*p <= ' ' || *p > '~' || strchr("\"(),:;<>[\\]", *p)
            || (*p == '@' && p != sign))
        {
            return false;
        }
    }

    return true;
}


int
skep_mail_sender_parse(skep_mail_sender_t *sender, const char *text)
{
    size_t       len;
    const char  *open, *p;

    memset(sender, 0, sizeof(skep_mail_sender_t));

    open = strchr(text, '<');

    if (open == NULL) {
        open = text;
        len = strlen(text);

    } else {
        for (p = open; p > text && p[-1] == ' '; p--) { /* void */ }

        len = p - text;

        if (len >= sizeof(sender->name)) {
            return -1;
        }

        memcpy(sender->name, text, len);
        open++;
        len = strlen(open);

        if (len == 0 || open[len - 1] != '>') {
            return -1;
        }

        len--;
    }

    if (len >= sizeof(sender->address)) {
        return -1;
    }

    memcpy(sender->address, open, len);

    for (p = sender->name; *p; p++) {
        if ((unsigned char) *p < ' ' || *p == '"' || *p == 0x7f) {
            return -1;
        }
    }

    return skep_mail_address_ok(sender->address) ? 0 : -1;
}
