
/*
 * Answers of Redis with entries of the stream, as they come over the wire: one
 * of XREADGROUP, or one of XPENDING and one of XCLAIM.  The first byte is "r"
 * or "c"; "i" is two ids, with a blank between them.
 */


#include "fuzz.h"
#include "skep_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* digits of the number of elements: hiredis takes memory for all of them first,
 * and is not what is looked at here */
#define ENTRY_DIGITS  4


static void
entry_is_good(const skep_entry_t *entry)
{
    size_t             i;
    char               digits[32];
    const redisReply  *value;

    fuzz_check(entry->id != NULL);
    fuzz_check(entry->seq >= 0);

    if (entry->seq == 0) {
        fuzz_check(entry->fields == NULL || entry->fault != NULL);
    }

    if (entry->fields == NULL) {
        fuzz_check(entry->seq == 0);
        return;
    }

    for (i = 0; i < entry->fields->elements; i++) {
        fuzz_check(entry->fields->element[i]->str != NULL);
    }

    if (entry->seq == 0) {
        return;
    }

    fuzz_check(entry->fault == NULL);

    /* some field is it, digit by digit */

    for (i = 0; i + 1 < entry->fields->elements; i += 2) {
        value = entry->fields->element[i];

        if (value->len == 3 && memcmp(value->str, "seq", 3) == 0) {
            break;
        }
    }

    fuzz_check(i + 1 < entry->fields->elements);
    value = entry->fields->element[i + 1];

    (void) snprintf(digits, sizeof(digits), "%lld", (long long) entry->seq);
    fuzz_check(value->len >= strlen(digits));
    fuzz_check(strcmp(value->str + value->len - strlen(digits), digits) == 0);
    fuzz_check(strspn(value->str, "0")
               >= (size_t) value->len - strlen(digits));
}


static void
entry_batch(redisReply *first, redisReply *second)
{
    int           rc;
    size_t        i;
    skep_batch_t  batch;

    memset(&batch, 0, sizeof(batch));

    rc = second ? skep_batch_of_claim(&batch, first, second)
                : skep_batch_of_read(&batch, first);

    fuzz_check(rc == 0 || (batch.n == 0 && batch.reply == NULL));

    for (i = 0; i < batch.n; i++) {
        entry_is_good(&batch.entries[i]);
    }

    skep_batch_clear(&batch);
}


static int
entry_is_large(const uint8_t *data, size_t size)
{
    size_t  i, digits;

    for (i = 0, digits = 0; i < size; i++) {
        digits = (data[i] >= '0' && data[i] <= '9') ? digits + 1 : 0;

        if (digits == ENTRY_DIGITS + 1 && i >= digits
            && data[i - digits] == '*')
        {
            return 1;
        }
    }

    return 0;
}


static void
entry_replies(const uint8_t *data, size_t size, int claim)
{
    void         *first, *second;
    redisReader  *reader;

    if (entry_is_large(data, size)) {
        return;
    }

    reader = redisReaderCreate();
    fuzz_check(reader != NULL);

    first = second = NULL;

    (void) redisReaderFeed(reader, (const char *) data, size);

    if (redisReaderGetReply(reader, &first) == REDIS_OK && first && claim) {
        (void) redisReaderGetReply(reader, &second);
    }

    if (first && !claim) {
        entry_batch(first, NULL);
        first = NULL;

    } else if (second && skep_batch_is_pending(first)) {
        entry_batch(first, second);
        first = second = NULL;
    }

    if (first) {
        freeReplyObject(first);
    }

    if (second) {
        freeReplyObject(second);
    }

    redisReaderFree(reader);
}


/* they are in an order, and the next one comes after */

static void
entry_ids(fuzz_input_t *input)
{
    int    order;
    char  *a, *b, next[64];

    a = fuzz_text(input, ' ', NULL);
    b = fuzz_text(input, -1, NULL);

    order = skep_stream_id_compare(a, b);

    fuzz_check(order == -skep_stream_id_compare(b, a));
    fuzz_check(skep_stream_id_compare(a, a) == 0);

    skep_stream_id_next(a, next, sizeof(next));

    fuzz_check(strlen(next) < sizeof(next) - 1);
    fuzz_check(strspn(next, "0123456789-") == strlen(next));
    fuzz_check(skep_stream_id_compare(a, next) < 0
               || strcmp(next, "0-0") == 0);

    /* nothing is between them */

    fuzz_check(order >= 0 || skep_stream_id_compare(next, b) <= 0);

    free(a);
    free(b);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input_t  input;

    input = fuzz_input(data, size);

    switch (fuzz_number(&input, 1)) {

    case 'i':
        entry_ids(&input);
        break;

    case 'c':
        entry_replies(input.p, (size_t) (input.end - input.p), 1);
        break;

    case 'r':
        entry_replies(input.p, (size_t) (input.end - input.p), 0);
        break;
    }

    return 0;
}
