
/*
 * The signature of the Standard Webhooks specification.  Pure.
 */


#ifndef _SKEP_WEBHOOK_SIGN_H_INCLUDED_
#define _SKEP_WEBHOOK_SIGN_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>


#define SKEP_WEBHOOK_SIGNATURE  48     /* "v1,", 44 of base64, NUL */


/*
 * Writes "v1," and the base64 of HMAC-SHA256(secret, "id.timestamp.body") with
 * a NUL; timestamp in seconds since the epoch.  Returns 0, or -1 if libcrypto
 * failed.
 */
int skep_webhook_sign(char signature[SKEP_WEBHOOK_SIGNATURE],
    const void *secret, size_t secret_len, const char *id, int64_t timestamp,
    const char *body, size_t body_len);


#endif /* _SKEP_WEBHOOK_SIGN_H_INCLUDED_ */
