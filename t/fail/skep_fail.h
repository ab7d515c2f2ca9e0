
/*
 * What a test and the preloaded library share: a file that all processes map.
 * Skep::Fail writes and reads it by the same layout.
 */


#ifndef SKEP_FAIL_H
#define SKEP_FAIL_H


#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>


/* what fails: one of these at a time */

#define FAIL_MEMORY      0x01
#define FAIL_DESCRIPTOR  0x02
#define FAIL_CONNECT     0x04
#define FAIL_EPOLL       0x08
#define FAIL_SHORT       0x10    /* a transfer of one byte */
#define FAIL_AGAIN       0x20
#define FAIL_INTERRUPT   0x40
#define FAIL_RESET       0x80

/* whose calls */

#define FAIL_OURS        0x01
#define FAIL_LIBRARIES   0x02
#define FAIL_NGINX       0x04

#define FAIL_SITES       16
#define FAIL_FRAMES      8


/* where a call was made: the functions that were running, the last first */

typedef struct {
    char               object[56];
    uint64_t           offset;
} fail_frame_t;


typedef struct {
    fail_frame_t       frames[FAIL_FRAMES];
} fail_site_t;


typedef struct {
    volatile uint32_t  armed;
    volatile uint32_t  kinds;
    volatile uint32_t  whose;
    volatile uint32_t  pid;      /* of the only process, or 0 */
    volatile uint64_t  from;     /* the first that fails, from 1 */
    volatile uint64_t  times;    /* and how many do */
    volatile uint64_t  seen;     /* calls of that kind since then */
    volatile uint64_t  failed;
    fail_site_t        sites[FAIL_SITES];
} fail_control_t;


typedef struct {
    const char        *name;
    void              *wrapper;
} fail_function_t;


extern const fail_function_t  fail_functions_ours[];
extern const fail_function_t  fail_functions_libraries[];
extern const fail_function_t  fail_functions_nginx[];


int fail_now(uint32_t kind, uint32_t whose);
size_t fail_transfer(uint32_t whose, int fd, size_t len);
void fail_watch(int ep, int op, int fd, const struct epoll_event *event);
void *fail_dlopen(const char *path, int flags);


#endif /* SKEP_FAIL_H */
