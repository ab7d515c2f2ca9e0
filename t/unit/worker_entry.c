
/*
 * Entries of the stream: their number, and the order of their ids.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "skep_stream.h"


#define FIELDS  6


/* the seq of an entry with these texts as fields; NULL ends them */

static int64_t
seq_of(const char **fault, const char *const *texts, size_t len)
{
    size_t       i;
    redisReply   reply, items[FIELDS], *elements[FIELDS];

    memset(&reply, 0, sizeof(reply));
    memset(items, 0, sizeof(items));

    reply.type = REDIS_REPLY_ARRAY;
    reply.element = elements;

    for (i = 0; i < FIELDS && texts[i]; i++) {
        items[i].type = REDIS_REPLY_STRING;
        items[i].str = (char *) (uintptr_t) texts[i];
        items[i].len = len ? len : strlen(texts[i]);
        elements[i] = &items[i];
    }

    reply.elements = i;

    return skep_stream_seq(&reply, fault);
}


static void
finds_the_number(void **state)
{
    const char  *fault;

    static const char *const  alone[FIELDS] = { "seq", "1" };
    static const char *const  last[FIELDS] = { "id", "2", "seq",
                                               "922337203685477580" };

    (void) state;

    assert_int_equal(seq_of(&fault, alone, 0), 1);
    assert_null(fault);
    assert_true(seq_of(&fault, last, 0) == INT64_C(922337203685477580));
    assert_null(fault);
}


static void
tells_what_is_wrong(void **state)
{
    size_t       i;
    const char  *fault, *texts[FIELDS] = { "seq", NULL, NULL };

    static const char *const  none[FIELDS] = { NULL };
    static const char *const  other[FIELDS] = { "id", "1", "Seq", "1" };
    static const char *const  odd[FIELDS] = { "seq" };
    static const char *const  nul[FIELDS] = { "seq\0", "12\0" };

    static const char *const  bad[] = {
        "", "0", "-1", "+1", " 1", "1 ", "1.0", "0x10", "1e3", "abc",
        "99999999999999999999", "9223372036854775808", "1\n"
    };

    (void) state;

    assert_int_equal(seq_of(&fault, none, 0), 0);
    assert_string_equal(fault, "it has no seq");
    assert_int_equal(seq_of(&fault, other, 0), 0);
    assert_string_equal(fault, "it has no seq");
    assert_int_equal(seq_of(&fault, odd, 0), 0);
    assert_string_equal(fault, "it has no seq");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        texts[1] = bad[i];
        assert_int_equal(seq_of(&fault, texts, 0), 0);
        assert_string_equal(fault, "its seq is no number");
    }

    /* a NUL in it is no end of it */

    assert_int_equal(seq_of(&fault, nul, 3), 0);
    assert_string_equal(fault, "its seq is no number");

    assert_int_equal(seq_of(&fault, nul, 4), 0);
    assert_string_equal(fault, "it has no seq");
}


static void
ids_have_an_order(void **state)
{
    size_t  i, j, n;

    static const char *const  ids[] = {
        "0-0", "0-1", "0-18446744073709551615", "1-0", "9-5", "10-0", "10-4",
        "1700000000000-0", "1700000000000-10", "1700000000001-9",
        "18446744073709551615-18446744073709551615"
    };

    (void) state;

    n = sizeof(ids) / sizeof(ids[0]);

    for (i = 0; i < n; i++) {
        for (j = 0; j < n; j++) {
            assert_int_equal(skep_stream_id_compare(ids[i], ids[j]),
                             i < j ? -1 : i > j);
        }
    }

    assert_int_equal(skep_stream_id_compare("7", "7-0"), 0);
}


static void
ids_have_a_next(void **state)
{
    char    next[48];
    size_t  i;

    static const char *const  cases[][2] = {
        { "0-0", "0-1" }, { "7", "7-1" }, { "1700000000000-41",
        "1700000000000-42" }, { "5-18446744073709551615", "6-0" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        skep_stream_id_next(cases[i][0], next, sizeof(next));
        assert_string_equal(next, cases[i][1]);
    }
}


/* the replies in what Redis sends, one after another */

static redisReply *
reply_of(redisReader *reader)
{
    void  *reply;

    reply = NULL;
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);

    return reply;
}


static redisReader *
reader_of(const char *text)
{
    redisReader  *reader;

    reader = redisReaderCreate();
    assert_non_null(reader);
    assert_int_equal(redisReaderFeed(reader, text, strlen(text)), REDIS_OK);

    return reader;
}


#define SEQ    "$3\r\nseq\r\n"
#define ID(n)  "$3\r\n" #n "-0\r\n"


/* a field that is no text is a fault of its entry, and not of the next */

static void
reads_what_is_no_text(void **state)
{
    skep_batch_t   batch;
    redisReader   *reader;

    (void) state;

    reader = reader_of("*1\r\n*2\r\n$1\r\ns\r\n*4\r\n"
                       "*2\r\n" ID(1) "*2\r\n" SEQ ":7\r\n"
                       "*2\r\n" ID(2) "*2\r\n$-1\r\n$1\r\n7\r\n"
                       "*2\r\n" ID(3) "*-1\r\n"
                       "*2\r\n" ID(4) "*2\r\n" SEQ "$1\r\n7\r\n");

    memset(&batch, 0, sizeof(batch));
    assert_int_equal(skep_batch_of_read(&batch, reply_of(reader)), 0);

    assert_int_equal(batch.n, 4);
    assert_string_equal(batch.entries[0].fault, "its fields are no texts");
    assert_null(batch.entries[0].fields);
    assert_string_equal(batch.entries[1].fault, "its fields are no texts");
    assert_null(batch.entries[2].fault);
    assert_int_equal(batch.entries[3].seq, 7);

    skep_batch_clear(&batch);
    redisReaderFree(reader);
}


static void
looks_at_what_is_pending(void **state)
{
    size_t         i;
    redisReply    *pending;
    skep_batch_t   batch;
    redisReader   *reader;

    static const char *const  bad[] = {
        "+OK\r\n", "*1\r\n:1\r\n", "*1\r\n*0\r\n",
        "*1\r\n*4\r\n$-1\r\n$1\r\nw\r\n:1\r\n:1\r\n",
        "*1\r\n*4\r\n" ID(1) "$1\r\nw\r\n:1\r\n$1\r\n1\r\n"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        reader = reader_of(bad[i]);
        pending = reply_of(reader);

        assert_false(skep_batch_is_pending(pending));

        freeReplyObject(pending);
        redisReaderFree(reader);
    }

    reader = reader_of("*2\r\n*4\r\n" ID(1) "$1\r\nw\r\n:1\r\n:5\r\n"
                       "*4\r\n" ID(2) "$1\r\nw\r\n:1\r\n:6\r\n"
                       "*1\r\n*2\r\n" ID(2) "*2\r\n" SEQ "$1\r\n9\r\n");
    pending = reply_of(reader);
    memset(&batch, 0, sizeof(batch));

    assert_true(skep_batch_is_pending(pending));
    assert_int_equal(skep_batch_of_claim(&batch, pending, reply_of(reader)),
                     0);

    assert_int_equal(batch.n, 1);
    assert_int_equal(batch.entries[0].seq, 9);
    assert_int_equal(batch.entries[0].times, 6);

    skep_batch_clear(&batch);
    redisReaderFree(reader);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(finds_the_number),
        cmocka_unit_test(tells_what_is_wrong),
        cmocka_unit_test(ids_have_an_order),
        cmocka_unit_test(ids_have_a_next),
        cmocka_unit_test(reads_what_is_no_text),
        cmocka_unit_test(looks_at_what_is_pending)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
