
#include "skep_conf.h"
#include "skep_conf_keys.h"
#include "skep_mail_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


/* a file longer than that is not what was meant */
#define SKEP_CONF_FILE  (1024 * 1024)

/* of a secret */
#define SKEP_CONF_SECRET  4096


typedef struct {
    const char   *file;
    unsigned      line;
    char         *fault;
    skep_conf_t  *conf;

    /* the line of each key, 0 if it was not given */
    unsigned      given[SKEP_CONF_KEYS_MOST];
} skep_conf_parser_t;


static int skep_conf_line(skep_conf_parser_t *parser, char *line);
static int skep_conf_set(skep_conf_parser_t *parser,
    const skep_conf_key_t *key, const char *value);
static int skep_conf_set_number(skep_conf_parser_t *parser,
    const skep_conf_key_t *key, const char *value, int64_t *place);
static int skep_conf_set_secret(skep_conf_parser_t *parser,
    const char *value, char **place);
static int skep_conf_set_list(skep_conf_parser_t *parser, const char *value,
    skep_conf_list_t *list);
static int skep_conf_defaults(skep_conf_parser_t *parser);
static char *skep_conf_file(const char *file, size_t most, size_t *len);
static char *skep_conf_trim(char *text);
static int skep_conf_fault(skep_conf_parser_t *parser, const char *format,
    ...) __attribute__((format(printf, 2, 3)));
static void skep_conf_free(skep_conf_t *conf);


static pthread_mutex_t  skep_conf_lock = PTHREAD_MUTEX_INITIALIZER;
static skep_conf_t     *skep_conf_current;


skep_conf_t *
skep_conf_read(const char *file, char fault[SKEP_CONF_FAULT])
{
    char         *text;
    size_t        len;
    skep_conf_t  *conf;

    text = skep_conf_file(file, SKEP_CONF_FILE, &len);

    if (text == NULL) {
        snprintf(fault, SKEP_CONF_FAULT, "%s: %s", file, strerror(errno));
        return NULL;
    }

    conf = skep_conf_parse(text, len, file, fault);
    free(text);

    return conf;
}


skep_conf_t *
skep_conf_parse(const char *text, size_t len, const char *file,
    char fault[SKEP_CONF_FAULT])
{
    char                *copy, *line, *end;
    skep_conf_parser_t   parser;

    memset(&parser, 0, sizeof(parser));

    parser.file = file;
    parser.fault = fault;
    parser.conf = calloc(1, sizeof(skep_conf_t));
    copy = malloc(len + 1);

    if (parser.conf == NULL || copy == NULL) {
        (void) skep_conf_fault(&parser, "no memory");
        goto failed;
    }

    atomic_init(&parser.conf->users, 1);
    memcpy(copy, text, len);
    copy[len] = '\0';

    for (line = copy; line < copy + len; line = end + 1) {
        parser.line++;

        end = memchr(line, '\n', (size_t) (copy + len - line));
        if (end == NULL) {
            end = copy + len;
        }

        *end = '\0';

        if (strlen(line) != (size_t) (end - line)) {
            (void) skep_conf_fault(&parser, "a NUL byte");
            goto failed;
        }

        if (skep_conf_line(&parser, line) != 0) {
            goto failed;
        }
    }

    if (skep_conf_defaults(&parser) != 0) {
        goto failed;
    }

    free(copy);

    return parser.conf;

failed:

    free(copy);

    if (parser.conf) {
        skep_conf_free(parser.conf);
    }

    return NULL;
}


static int
skep_conf_line(skep_conf_parser_t *parser, char *line)
{
    char                   *name, *value;
    size_t                  i;
    const skep_conf_key_t  *key;

    name = skep_conf_trim(line);

    if (name[0] == '\0' || name[0] == '#') {
        return 0;
    }

    value = strchr(name, '=');

    if (value == NULL) {
        return skep_conf_fault(parser, "the form is NAME = VALUE");
    }

    *value++ = '\0';
    name = skep_conf_trim(name);
    value = skep_conf_trim(value);

    for (i = 0; /* void */ ; i++) {
        key = &skep_conf_keys[i];

        if (key->name == NULL) {
            return skep_conf_fault(parser, "unknown \"%s\"", name);
        }

        if (strcmp(key->name, name) == 0) {
            break;
        }
    }

    if (parser->given[i] && key->type != SKEP_CONF_LIST) {
        return skep_conf_fault(parser, "\"%s\" is there twice: see line %u",
                               name, parser->given[i]);
    }

    parser->given[i] = parser->line;

    if (value[0] == '\0') {
        return skep_conf_fault(parser, "\"%s\" has no value", name);
    }

    return skep_conf_set(parser, key, value);
}


static int
skep_conf_set(skep_conf_parser_t *parser, const skep_conf_key_t *key,
    const char *value)
{
    char        *place, **text;
    const char  *why;

    place = (char *) parser->conf + key->offset;

    if (key->check) {
        why = key->check(value);

        if (why) {
            return skep_conf_fault(parser, "\"%s\": %s", key->name, why);
        }
    }

    switch (key->type) {

    case SKEP_CONF_TEXT:
        text = (char **) (void *) place;
        *text = strdup(value);

        return *text ? 0 : skep_conf_fault(parser, "no memory");

    case SKEP_CONF_SECRET_FILE:
        return skep_conf_set_secret(parser, value, (char **) (void *) place);

    case SKEP_CONF_LIST:
        return skep_conf_set_list(parser, value,
                                  (skep_conf_list_t *) (void *) place);

    default: /* SKEP_CONF_NUMBER, SKEP_CONF_TIME, SKEP_CONF_SWITCH */
        return skep_conf_set_number(parser, key, value,
                                    (int64_t *) (void *) place);
    }
}


static int
skep_conf_set_number(skep_conf_parser_t *parser, const skep_conf_key_t *key,
    const char *value, int64_t *place)
{
    char       *end;
    long long   n;

    if (key->type == SKEP_CONF_SWITCH) {
        if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0) {
            return skep_conf_fault(parser, "\"%s\" is \"on\" or \"off\"",
                                   key->name);
        }

        *place = value[1] == 'n';
        return 0;
    }

    if (key->type == SKEP_CONF_TIME) {
        n = skep_conf_time(value);

        if (n == -1) {
            return skep_conf_fault(parser, "\"%s\": \"%s\" is not a time such"
                                   " as 15s, 5m, 2h or 30d", key->name, value);
        }

    } else {
        errno = 0;
        n = strtoll(value, &end, 10);

        if (value[0] < '0' || value[0] > '9' || *end || errno) {
            return skep_conf_fault(parser, "\"%s\": \"%s\" is not a number",
                                   key->name, value);
        }
    }

    if (n < key->least || n > key->most) {
        return skep_conf_fault(parser, "\"%s\" is from %lld to %lld%s",
                               key->name, (long long) key->least,
                               (long long) key->most,
                               key->type == SKEP_CONF_TIME ? " ms" : "");
    }

    *place = n;
    return 0;
}


/* the secret is what is in the file, less the end of its line */

static int
skep_conf_set_secret(skep_conf_parser_t *parser, const char *value,
    char **place)
{
    char    *text;
    size_t   len;

    text = skep_conf_file(value, SKEP_CONF_SECRET, &len);

    if (text == NULL) {
        return skep_conf_fault(parser, "%s: %s", value, strerror(errno));
    }

    while (len && (text[len - 1] == '\n' || text[len - 1] == '\r')) {
        text[--len] = '\0';
    }

    *place = text;

    if (len == 0 || strlen(text) != len) {
        return skep_conf_fault(parser, "%s: %s", value,
                               len ? "a NUL byte" : "the file is empty");
    }

    return 0;
}


static int
skep_conf_set_list(skep_conf_parser_t *parser, const char *value,
    skep_conf_list_t *list)
{
    char  **items;

    items = realloc(list->items, (list->n + 1) * sizeof(char *));

    if (items == NULL) {
        return skep_conf_fault(parser, "no memory");
    }

    list->items = items;
    items[list->n] = strdup(value);

    if (items[list->n] == NULL) {
        return skep_conf_fault(parser, "no memory");
    }

    list->n++;
    return 0;
}


static int
skep_conf_defaults(skep_conf_parser_t *parser)
{
    size_t                  i;
    const skep_conf_key_t  *key;

    parser->line = 0;

    for (i = 0; skep_conf_keys[i].name; i++) {
        key = &skep_conf_keys[i];

        if (parser->given[i]) {
            continue;
        }

        if (key->preset == NULL) {
            if (key->required) {
                return skep_conf_fault(parser, "\"%s\" is missing", key->name);
            }

            continue;
        }

        if (skep_conf_set(parser, key, key->preset) != 0) {
            return -1;
        }
    }

    return skep_conf_check(parser->conf, parser->fault, parser->file);
}


/* the text of a file, with a NUL after it; NULL with errno set */

static char *
skep_conf_file(const char *file, size_t most, size_t *len)
{
    int      fd;
    char    *text;
    ssize_t  n;

    fd = open(file, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return NULL;
    }

    text = malloc(most + 1);
    if (text == NULL) {
        close(fd);
        return NULL;
    }

    *len = 0;

    do {
        n = read(fd, text + *len, most + 1 - *len);

        if (n > 0) {
            *len += (size_t) n;
        }

    } while ((n > 0 && *len <= most) || (n == -1 && errno == EINTR));

    if (n == -1 || *len > most) {
        if (n != -1) {
            errno = EFBIG;
        }

        free(text);
        text = NULL;

    } else {
        text[*len] = '\0';
    }

    n = errno;
    close(fd);
    errno = (int) n;

    return text;
}


static char *
skep_conf_trim(char *text)
{
    size_t  len;

    while (*text == ' ' || *text == '\t') {
        text++;
    }

    len = strlen(text);

    while (len && (text[len - 1] == ' ' || text[len - 1] == '\t'
                   || text[len - 1] == '\r'))
    {
        text[--len] = '\0';
    }

    return text;
}


/* always -1 */

static int
skep_conf_fault(skep_conf_parser_t *parser, const char *format, ...)
{
    int      n;
    va_list  args;

    if (parser->line) {
        n = snprintf(parser->fault, SKEP_CONF_FAULT, "%s:%u: ", parser->file,
                     parser->line);
    } else {
        n = snprintf(parser->fault, SKEP_CONF_FAULT, "%s: ", parser->file);
    }

    if (n < 0 || n >= SKEP_CONF_FAULT) {
        return -1;
    }

    va_start(args, format);
    vsnprintf(parser->fault + n, (size_t) (SKEP_CONF_FAULT - n), format, args);
    va_end(args);

    return -1;
}


static void
skep_conf_free(skep_conf_t *conf)
{
    char                   *place, *text;
    size_t                  i, j;
    skep_conf_list_t       *list;
    const skep_conf_key_t  *key;

    for (i = 0; skep_conf_keys[i].name; i++) {
        key = &skep_conf_keys[i];
        place = (char *) conf + key->offset;

        switch (key->type) {

        case SKEP_CONF_SECRET_FILE:
            text = *(char **) (void *) place;

            if (text) {
                explicit_bzero(text, strlen(text));
                free(text);
            }

            break;

        case SKEP_CONF_TEXT:
            free(*(char **) (void *) place);
            break;

        case SKEP_CONF_LIST:
            list = (skep_conf_list_t *) (void *) place;

            for (j = 0; j < list->n; j++) {
                free(list->items[j]);
            }

            free(list->items);
            break;

        default:
            break;
        }
    }

    skep_mail_conf_free(conf->mail);
    free(conf);
}


void
skep_conf_enforce(skep_conf_t *conf)
{
    skep_conf_t  *old;

    pthread_mutex_lock(&skep_conf_lock);

    old = skep_conf_current;

    if (conf) {
        conf->generation = old ? old->generation + 1 : 1;
    }

    skep_conf_current = conf;

    pthread_mutex_unlock(&skep_conf_lock);

    skep_conf_drop(old);
}


const skep_conf_t *
skep_conf_take(void)
{
    skep_conf_t  *conf;

    pthread_mutex_lock(&skep_conf_lock);

    conf = skep_conf_current;
    atomic_fetch_add(&conf->users, 1);

    pthread_mutex_unlock(&skep_conf_lock);

    return conf;
}


void
skep_conf_drop(const skep_conf_t *conf)
{
    skep_conf_t  *mine;

    /* nobody else can tell that it changes */
    mine = (skep_conf_t *) (uintptr_t) conf;

    if (mine && atomic_fetch_sub(&mine->users, 1) == 1) {
        skep_conf_free(mine);
    }
}


int64_t
skep_conf_time(const char *text)
{
    char       *end;
    size_t      i;
    long long   n;

    static const struct {
        const char  *unit;
        int64_t      ms;
    } units[] = {
        { "ms", 1 }, { "s", 1000 }, { "", 1000 }, { "m", 60000 },
        { "h", 3600000 }, { "d", 86400000 }
    };

    if (text[0] < '0' || text[0] > '9') {
        return -1;
    }

    errno = 0;
    n = strtoll(text, &end, 10);

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(end, units[i].unit) == 0) {
            return errno || n > INT64_MAX / units[i].ms ? -1
                                                        : n * units[i].ms;
        }
    }

    return -1;
}


int
skep_conf_pick(const char *list, unsigned number, char *address, size_t size)
{
    unsigned     n;
    size_t       len;
    const char  *p;

    static const char  blanks[] = " \t";

    n = 0;
    list += strspn(list, blanks);

    for (p = list; *p; p += strspn(p, blanks)) {
        p += strcspn(p, blanks);
        n++;
    }

    if (n == 0) {
        return -1;
    }

    for (number %= n; number; number--) {
        list += strcspn(list, blanks);
        list += strspn(list, blanks);
    }

    len = strcspn(list, blanks);

    if (len >= size) {
        return -1;
    }

    memcpy(address, list, len);
    address[len] = '\0';

    return (int) n;
}


int
skep_conf_address(const char *text, int default_port, char *host, size_t size,
    int *port)
{
    char        *end;
    long         n;
    size_t       len;
    const char  *colon;

    *port = default_port;

    if (text[0] == '[') {
        colon = strchr(text, ']');

        if (colon == NULL || (colon[1] != ':' && colon[1] != '\0')) {
            return -1;
        }

        len = (size_t) (colon - text - 1);
        text++;
        colon++;

    } else {
        colon = strchr(text, ':');
        len = colon ? (size_t) (colon - text) : strlen(text);
    }

    if (len == 0 || len >= size) {
        return -1;
    }

    memcpy(host, text, len);
    host[len] = '\0';

    if (colon == NULL || *colon == '\0') {
        return default_port ? 0 : -1;
    }

    n = strtol(colon + 1, &end, 10);

    if (colon[1] < '0' || colon[1] > '9' || *end || n < 1 || n > 65535) {
        return -1;
    }

    *port = (int) n;
    return 0;
}
