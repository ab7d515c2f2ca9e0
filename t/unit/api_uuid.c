
#include "ngx_unit.h"
#include "ngx_api_uuid.h"

#include <sys/wait.h>
#include <unistd.h>


static ngx_uint_t  random_fails;
static ngx_uint_t  random_calls;


int __real_RAND_bytes(unsigned char *buf, int num);
int __wrap_RAND_bytes(unsigned char *buf, int num);


int
__wrap_RAND_bytes(unsigned char *buf, int num)
{
    random_calls++;

    return random_fails ? 0 : __real_RAND_bytes(buf, num);
}


static uint64_t
uuid_msec(const u_char uuid[16])
{
    uint64_t    msec;
    ngx_uint_t  i;

    msec = 0;

    for (i = 0; i < 6; i++) {
        msec = msec << 8 | uuid[i];
    }

    return msec;
}


/* later than all the tests before have used */

static uint64_t
fresh_msec(void)
{
    static uint64_t  msec = INT64_C(1790000000000);

    return msec += 1000000;
}


static void
has_version_variant_and_time(void **state)
{
    u_char      uuid[16];
    uint64_t    msec;
    ngx_uint_t  i;

    (void) state;

    msec = fresh_msec();

    for (i = 0; i < 1000; i++) {
        assert_int_equal(ngx_api_uuid_v7(uuid, msec + i), NGX_OK);

        assert_int_equal(uuid_msec(uuid), msec + i);
        assert_int_equal(uuid[6] >> 4, 7);
        assert_int_equal(uuid[8] >> 6, 2);
    }
}


static void
grows_within_a_millisecond(void **state)
{
    u_char      last[16], uuid[16];
    uint64_t    msec;
    ngx_uint_t  i;

    (void) state;

    msec = fresh_msec();
    assert_int_equal(ngx_api_uuid_v7(last, msec), NGX_OK);

    /* at least half of rand_a is left to count in */

    for (i = 1; i <= 2048; i++) {
        assert_int_equal(ngx_api_uuid_v7(uuid, msec), NGX_OK);
        assert_int_equal(uuid_msec(uuid), msec);
        assert_true(memcmp(uuid, last, 8) > 0);
        memcpy(last, uuid, 16);
    }

    /* then the next milliseconds are taken, still in order */

    for (i = 0; i < 20000; i++) {
        assert_int_equal(ngx_api_uuid_v7(uuid, msec), NGX_OK);
        assert_true(memcmp(uuid, last, 8) > 0);
        assert_in_range(uuid_msec(uuid), msec, msec + 7);
        assert_int_equal(uuid[6] >> 4, 7);
        memcpy(last, uuid, 16);
    }

    assert_true(uuid_msec(last) > msec);
}


static void
grows_whatever_the_clock_does(void **state)
{
    u_char      last[16], uuid[16];
    uint64_t    msec;
    ngx_uint_t  i;

    (void) state;

    msec = fresh_msec();
    assert_int_equal(ngx_api_uuid_v7(last, msec), NGX_OK);

    for (i = 0; i < 50000; i++) {
        msec += unit_random() % 7;
        msec -= unit_random() % 5;

        assert_int_equal(ngx_api_uuid_v7(uuid, msec), NGX_OK);
        assert_true(memcmp(uuid, last, 8) > 0);
        memcpy(last, uuid, 16);
    }

    assert_int_equal(ngx_api_uuid_v7(uuid, 0), NGX_OK);
    assert_true(memcmp(uuid, last, 8) > 0);
}


static void
is_random_in_all_other_bits(void **state)
{
    u_char      uuid[16], ones[16], zeros[16];
    uint64_t    msec;
    ngx_uint_t  i, n;

    (void) state;

    memset(ones, 0, 16);
    memset(zeros, 0, 16);

    msec = fresh_msec();

    for (n = 0; n < 500; n++) {
        assert_int_equal(ngx_api_uuid_v7(uuid, msec + n), NGX_OK);

        for (i = 0; i < 16; i++) {
            ones[i] |= uuid[i];
            zeros[i] |= (u_char) ~uuid[i];
        }
    }

    /* of rand_a all but the top bit, of rand_b all but the variant */

    assert_int_equal(ones[6] & zeros[6] & 0x0f, 0x07);
    assert_int_equal(ones[7] & zeros[7], 0xff);
    assert_int_equal(ones[8] & zeros[8], 0x3f);

    for (i = 9; i < 16; i++) {
        assert_int_equal(ones[i] & zeros[i], 0xff);
    }
}


static void
takes_random_bytes_in_bulk(void **state)
{
    u_char      uuid[16];
    uint64_t    msec;
    ngx_uint_t  i;

    (void) state;

    msec = fresh_msec();
    random_calls = 0;

    for (i = 0; i < 1000; i++) {
        assert_int_equal(ngx_api_uuid_v7(uuid, msec + i), NGX_OK);
    }

    assert_in_range(random_calls, 1, 30);
}


static void
shares_nothing_over_a_fork(void **state)
{
    int       fds[2], status;
    pid_t     pid;
    u_char    mine[16], theirs[16];
    uint64_t  msec;

    (void) state;

    msec = fresh_msec();

    /* the buffer is certainly not empty after one of two in a row */

    assert_int_equal(ngx_api_uuid_v7(mine, msec), NGX_OK);
    assert_int_equal(ngx_api_uuid_v7(mine, msec), NGX_OK);
    assert_int_equal(pipe(fds), 0);

    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {

        /* nginx does that in a new process */
        ngx_pid = getpid();

        if (ngx_api_uuid_v7(theirs, msec + 1) != NGX_OK
            || write(fds[1], theirs, 16) != 16)
        {
            _exit(1);
        }

        _exit(0);
    }

    assert_int_equal(read(fds[0], theirs, 16), 16);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(fds[0]);
    close(fds[1]);

    assert_int_equal(ngx_api_uuid_v7(mine, msec + 1), NGX_OK);

    assert_memory_equal(mine, theirs, 6);
    assert_memory_not_equal(mine + 8, theirs + 8, 8);
}


static void
fails_with_the_random_source(void **state)
{
    u_char      uuid[16];
    ngx_int_t   rc;
    ngx_uint_t  i;

    (void) state;

    random_fails = 1;
    rc = NGX_OK;

    for (i = 0; i < 100 && rc == NGX_OK; i++) {
        rc = ngx_api_uuid_v7(uuid, fresh_msec());
    }

    assert_int_equal(rc, NGX_ERROR);
    assert_int_equal(ngx_api_uuid_v7(uuid, fresh_msec()), NGX_ERROR);

    random_fails = 0;
    assert_int_equal(ngx_api_uuid_v7(uuid, fresh_msec()), NGX_OK);
}


static void
round_trips_as_text(void **state)
{
    u_char      uuid[16], back[16], *p, *upper;
    ngx_uint_t  i, n;
    ngx_pool_t *pool;

    (void) state;

    for (n = 0; n < 2000; n++) {
        pool = unit_pool();

        for (i = 0; i < 16; i++) {
            uuid[i] = (u_char) (unit_random() >> 30);
        }

        p = ngx_palloc(pool, NGX_API_UUID_LEN);
        assert_ptr_equal(ngx_api_uuid_format(p, uuid), p + NGX_API_UUID_LEN);

        upper = unit_copy(pool, p, NGX_API_UUID_LEN);

        for (i = 0; i < NGX_API_UUID_LEN; i++) {
            assert_non_null(strchr("0123456789abcdef-", p[i]));
            upper[i] = ngx_toupper(p[i]);
        }

        assert_int_equal(ngx_api_uuid_parse(p, NGX_API_UUID_LEN, back),
                         NGX_OK);
        assert_memory_equal(uuid, back, 16);

        memset(back, 0xa5, 16);
        assert_int_equal(ngx_api_uuid_parse(upper, NGX_API_UUID_LEN, back),
                         NGX_OK);
        assert_memory_equal(uuid, back, 16);

        ngx_destroy_pool(pool);
    }
}


static void
reads_a_known_one(void **state)
{
    u_char               uuid[16];
    static const u_char  known[16] = {
        0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0, 0x7c, 0xc3,
        0x98, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f
    };

    (void) state;

    /* RFC 9562, appendix A.6 */

    assert_int_equal(ngx_api_uuid_parse(
                         (u_char *) "017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
                         36, uuid),
                     NGX_OK);
    assert_memory_equal(uuid, known, 16);
}


static void
refuses_other_text(void **state)
{
    u_char      text[40], uuid[16];
    size_t      i, len;
    ngx_uint_t  c, ok;
    ngx_pool_t *pool;

    static const char  good[] = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";

    static const char  *cases[] = {
        "", "-", "017f22e279b07cc398c4dc0c0c07398f",
        "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}",
        "urn:uuid:017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f ",
        " 017f22e2-79b0-7cc3-98c4-dc0c0c07398",
        "017f22e-279b0-7cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4dc-0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
        "017f22e2_79b0_7cc3_98c4_dc0c0c07398f",
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pool = unit_pool();
        len = strlen(cases[i]);

        assert_int_equal(ngx_api_uuid_parse(unit_copy(pool, cases[i], len),
                                            len, uuid),
                         NGX_ERROR);

        ngx_destroy_pool(pool);
    }

    /* each byte replaced by each other */

    for (i = 0; i < 36; i++) {
        memcpy(text, good, 37);

        for (c = 0; c < 256; c++) {
            text[i] = (u_char) c;

            ok = (good[i] == '-') ? c == '-'
                 : (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')
                   || (c >= 'A' && c <= 'F');

            assert_int_equal(ngx_api_uuid_parse(text, 36, uuid),
                             ok ? NGX_OK : NGX_ERROR);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(has_version_variant_and_time),
        cmocka_unit_test(grows_within_a_millisecond),
        cmocka_unit_test(grows_whatever_the_clock_does),
        cmocka_unit_test(is_random_in_all_other_bits),
        cmocka_unit_test(takes_random_bytes_in_bulk),
        cmocka_unit_test(shares_nothing_over_a_fork),
        cmocka_unit_test(fails_with_the_random_source),
        cmocka_unit_test(round_trips_as_text),
        cmocka_unit_test(reads_a_known_one),
        cmocka_unit_test(refuses_other_text),
    };

    ngx_pid = getpid();

    return unit_run(tests);
}
