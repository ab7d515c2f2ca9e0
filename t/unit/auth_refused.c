
/*
 * Passwords that are refused: the file is checked, and searched.
 */


#include "ngx_unit.h"
#include "ngx_auth_refused.h"


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


/* a file of that text, without a name */

static void
list_open(ngx_auth_refused_t *list, const char *text, size_t len)
{
    FILE  *file;

    file = tmpfile();
    assert_non_null(file);

    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fflush(file), 0);

    list->fd = dup(fileno(file));
    assert_int_not_equal(list->fd, -1);

    (void) fclose(file);
}


static void
assert_good(ngx_auth_refused_t *list, const char *text, size_t len)
{
    ngx_uint_t   line;
    const char  *fault;

    list_open(list, text, len);

    assert_int_equal(ngx_auth_refused_check(list, &line, &fault), NGX_OK);
    assert_int_equal(list->size, len);
}


static void
assert_bad(const char *text, size_t len, ngx_uint_t where, const char *what)
{
    ngx_uint_t           line;
    const char          *fault;
    ngx_auth_refused_t   list;

    list_open(&list, text, len);

    assert_int_equal(ngx_auth_refused_check(&list, &line, &fault),
                     NGX_DECLINED);
    assert_int_equal(line, where);
    assert_string_equal(fault, what);

    (void) close(list.fd);
}


static int
by_bytes(const void *one, const void *other)
{
    return strcmp(*(char *const *) one, *(char *const *) other);
}


/* lists of every length up to some, with lines of every length: each line is
 * found, and what stands beside it is not */

static void
test_find(void **state)
{
    char                *lines[64], beside[NGX_AUTH_REFUSED_LINE + 2];
    char                 text[64 * (NGX_AUTH_REFUSED_LINE + 1)], *p;
    size_t               len;
    ngx_uint_t           n, i, k;
    ngx_auth_refused_t   list;

    (void) state;

    for (n = 0; n <= 64; n++) {

        for (i = 0; i < n; i++) {
            len = 1 + unit_random() % (i % 4 ? 12 : NGX_AUTH_REFUSED_LINE - 1);
            lines[i] = malloc(len + 1);
            assert_non_null(lines[i]);

            for (k = 0; k < len; k++) {
                lines[i][k] = "abcdefgh"[unit_random() % 8];
            }

            lines[i][len] = '\0';
        }

        qsort(lines, n, sizeof(char *), by_bytes);

        p = text;

        for (i = 0; i < n; i++) {
            p += sprintf(p, i + 1 < n || n % 2 ? "%s\n" : "%s", lines[i]);
        }

        assert_good(&list, text, p - text);

        for (i = 0; i < n; i++) {
            assert_int_equal(ngx_auth_refused_find(&list, lines[i]), NGX_OK);

            (void) snprintf(beside, sizeof(beside), "%s!", lines[i]);
            assert_int_equal(ngx_auth_refused_find(&list, beside),
                             NGX_DECLINED);

            beside[0] = '!';
            assert_int_equal(ngx_auth_refused_find(&list, beside),
                             NGX_DECLINED);
            free(lines[i]);
        }

        assert_int_equal(ngx_auth_refused_find(&list, "!"), NGX_DECLINED);
        assert_int_equal(ngx_auth_refused_find(&list, "~"), NGX_DECLINED);
        assert_int_equal(ngx_auth_refused_find(&list, ""), NGX_DECLINED);

        (void) close(list.fd);
    }
}


static void
test_case(void **state)
{
    ngx_auth_refused_t  list;

    static const char  text[] = "Upper\nlower\n\303\204\n";

    (void) state;

    assert_good(&list, text, sizeof(text) - 1);

    assert_int_equal(ngx_auth_refused_find(&list, "lower"), NGX_OK);
    assert_int_equal(ngx_auth_refused_find(&list, "LowER"), NGX_OK);
    assert_int_equal(ngx_auth_refused_find(&list, "Upper"), NGX_OK);
    assert_int_equal(ngx_auth_refused_find(&list, "upper"), NGX_DECLINED);
    assert_int_equal(ngx_auth_refused_find(&list, "\303\204"), NGX_OK);
    assert_int_equal(ngx_auth_refused_find(&list, "\303\244"), NGX_DECLINED);

    (void) close(list.fd);
}


static void
test_check(void **state)
{
    char                 text[NGX_AUTH_REFUSED_LINE + 2];
    ngx_auth_refused_t   list;

    (void) state;

    assert_good(&list, "a\na\nb", 5);
    (void) close(list.fd);

    memset(text, 'x', sizeof(text));
    assert_good(&list, text, NGX_AUTH_REFUSED_LINE);
    (void) close(list.fd);

    assert_bad(text, NGX_AUTH_REFUSED_LINE + 1, 1, "is longer than 255 bytes");
    assert_bad("b\na\n", 4, 2, "is not in the order of bytes");
    assert_bad("a\nb\na", 5, 3, "is not in the order of bytes");
    assert_bad("ab\na\n", 5, 2, "is not in the order of bytes");
    assert_bad("a\r\nb\r\n", 6, 1, "ends in a carriage return");
}


/* the file is not there any more, or not all of it */

static void
test_faults(void **state)
{
    ngx_uint_t           line;
    const char          *fault;
    ngx_auth_refused_t   list;

    (void) state;

    assert_good(&list, "a\nb\nc\nd\n", 8);
    assert_int_equal(ftruncate(list.fd, 3), 0);
    assert_int_equal(ngx_auth_refused_find(&list, "d"), NGX_ERROR);
    (void) close(list.fd);

    assert_int_equal(ngx_auth_refused_find(&list, "a"), NGX_ERROR);
    assert_int_equal(ngx_auth_refused_check(&list, &line, &fault), NGX_ERROR);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_case),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_faults)
    };

    return unit_run(tests);
}
