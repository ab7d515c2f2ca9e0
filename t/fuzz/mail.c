
/*
 * Mails.  Five texts of users, with 0xff between them: the sender, to whom it
 * is, the subject, the text and the page.  What went in has to come out of a
 * reader of MIME, and nothing more.
 */


#include "fuzz.h"
#include "skep_mail_message.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define ID  "01890000-0000-7000-8000-000000000001"


/* lines end with CRLF, are short and of ASCII */

static void
mail_lines(const char *text, size_t len)
{
    const char  *p, *end;

    fuzz_check(strlen(text) == len);

    for (p = text; *p; p = end + 2) {
        end = strstr(p, "\r\n");
        fuzz_check(end != NULL);
        fuzz_check(end - p <= 998);

        for ( /* void */ ; p < end; p++) {
            fuzz_check((*p >= ' ' && *p <= '~') || *p == '\t');
        }
    }
}


static int
mail_hex(char c)
{
    const char  *p, digits[] = "0123456789ABCDEF";

    p = c ? strchr(digits, c) : NULL;
    fuzz_check(p != NULL);

    return (int) (p - digits);
}


/* quoted-printable between two places is the text, with LF for CRLF */

static void
mail_quoted(const char *p, const char *end, const char *want)
{
    char  c;

    while (p < end) {
        if (p[0] == '=' && p[1] == '\r') {
            fuzz_check(p[2] == '\n');
            p += 3;
            continue;
        }

        if (p[0] == '\r') {

            /* a line that ends has no blank there, which would get lost */

            fuzz_check(p[1] == '\n' && p[-1] != ' ' && p[-1] != '\t');
            c = '\n';
            p += 2;

        } else if (p[0] == '=') {
            c = (char) (mail_hex(p[1]) << 4 | mail_hex(p[2]));
            p += 3;

        } else {
            c = *p++;
        }

        want += (want[0] == '\r' && want[1] == '\n');
        fuzz_check(*want++ == c);
    }

    fuzz_check(*want == '\0' || strcmp(want, "\r\n") == 0);
}


static void
mail_body(const char *mail, const char *type, const char *want)
{
    char         head[160];
    const char  *p, *end;

    (void) snprintf(head, sizeof(head), "\r\n--=_" ID "\r\n"
                    "Content-Type: text/%s; charset=utf-8\r\n"
                    "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
                    type);

    p = strstr(mail, head);
    fuzz_check(p != NULL && strstr(p + 1, head) == NULL);
    p += strlen(head);

    end = strstr(p, "\r\n--=_" ID);
    fuzz_check(end != NULL || strncmp(p, "\r\n--=_", 6) == 0);

    mail_quoted(p, end, want);
}


/* the names of headers, each once, in their order: nobody added one */

static void
mail_headers(const char *mail)
{
    size_t       i;
    const char  *p;

    static const char *const  names[] = {
        "Date: ", "From: ", "To: ", "Subject: ", "Message-ID: ",
        "Auto-Submitted: ", "MIME-Version: ", "Content-Type: "
    };

    p = mail;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        fuzz_check(strncmp(p, names[i], strlen(names[i])) == 0);

        do {
            p = strstr(p, "\r\n") + 2;
        } while (*p == ' ');
    }

    fuzz_check(strncmp(p, "\r\n--=_" ID, 6 + strlen(ID)) == 0);
}


static void
mail_check(const skep_mail_message_t *m)
{
    char    *mail;
    size_t   len;

    mail = skep_mail_message(m, &len);
    fuzz_check(mail != NULL);

    mail_lines(mail, len);
    mail_headers(mail);
    mail_body(mail, "plain", m->text);
    mail_body(mail, "html", m->html);

    free(mail);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                 *texts[5];
    size_t                len;
    bool                  utf8;
    unsigned              i;
    fuzz_input_t          input;
    skep_mail_sender_t    sender;
    skep_mail_message_t   m;

    input = fuzz_input(data, size);
    utf8 = true;

    for (i = 0; i < 5; i++) {
        texts[i] = fuzz_text(&input, 0xff, &len);
        len = strlen(texts[i]);
        utf8 = utf8 && fuzz_utf8(texts[i], len);
    }

    /* as the worker has it: addresses are looked at, texts are UTF-8 */

    if (utf8 && skep_mail_address_ok(texts[1])
        && skep_mail_sender_parse(&sender, texts[0]) == 0)
    {
        fuzz_check(fuzz_printable(texts[1], strlen(texts[1]), 0));
        fuzz_check(strlen(texts[1]) <= SKEP_MAIL_ADDRESS_MAX);

        m = (skep_mail_message_t) {
            .from = &sender, .to = texts[1], .id = ID, .subject = texts[2],
            .text = texts[3], .html = texts[4], .date = 1700000000
        };

        mail_check(&m);
    }

    for (i = 0; i < 5; i++) {
        free(texts[i]);
    }

    return 0;
}
