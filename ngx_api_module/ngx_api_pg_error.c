
#include "ngx_api_pg_error.h"


ngx_str_t
ngx_api_pg_error_line(const char *message, ngx_uint_t connecting)
{
    size_t      len;
    ngx_str_t   line;

    ngx_str_null(&line);

    while (*message) {
        len = strcspn(message, "\n");

        if (*message != '\t') {
            line.data = (u_char *) message;
            line.len = len;

            if (!connecting) {
                break;
            }
        }

        message += len;
        message += strspn(message, "\n");
    }

    return line;
}


ngx_uint_t
ngx_api_pg_error_stuck(const char *message)
{
    size_t  len;

    static const char  what[] = "out of memory";

    while (*message) {
        len = strcspn(message, "\n");

        if (len == sizeof(what) - 1 && ngx_strncmp(message, what, len) == 0) {
            return 1;
        }

        message += len;
        message += strspn(message, "\n");
    }

    return 0;
}
