
#include "skep_webhook_sign.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


int
skep_webhook_sign(char signature[SKEP_WEBHOOK_SIGNATURE], const void *secret,
    size_t secret_len, const char *id, int64_t timestamp, const char *body,
    size_t body_len)
{
    int            n;
    char          *text;
    size_t         size;
    unsigned       len;
    unsigned char  mac[EVP_MAX_MD_SIZE];

    /* two dots, a number of at most 20 bytes, a NUL */
    size = strlen(id) + 23 + body_len;

    text = malloc(size);
    if (text == NULL) {
        return -1;
    }

    n = snprintf(text, size, "%s.%" PRId64 ".", id, timestamp);
    memcpy(text + n, body, body_len);

    if (HMAC(EVP_sha256(), secret, (int) secret_len, (unsigned char *) text,
             (size_t) n + body_len, mac, &len)
        == NULL)
    {
        free(text);
        return -1;
    }

    free(text);

    (void) stpcpy(signature, "v1,");
    (void) EVP_EncodeBlock((unsigned char *) signature + 3, mac, (int) len);

    return 0;
}
