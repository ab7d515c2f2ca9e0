
/*
 * The calls that fail.  This file is compiled once for each of those who make
 * them (FAIL_WHOSE), with a table of its own (FAIL_TABLE): the address that a
 * call returns to does not tell, since it may be made by a jump.
 */


#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "skep_fail.h"


/* what nginx's own functions would give, declared as far as is needed; there
 * are none in the worker */

#define FAIL_WEAK  __attribute__((weak))

void *ngx_palloc(void *pool, size_t size) FAIL_WEAK;
void *ngx_pnalloc(void *pool, size_t size) FAIL_WEAK;
void *ngx_pcalloc(void *pool, size_t size) FAIL_WEAK;
void *ngx_pmemalign(void *pool, size_t size, size_t alignment) FAIL_WEAK;
void *ngx_alloc(size_t size, void *log) FAIL_WEAK;
void *ngx_calloc(size_t size, void *log) FAIL_WEAK;
void *ngx_create_pool(size_t size, void *log) FAIL_WEAK;
void *ngx_pool_cleanup_add(void *pool, size_t size) FAIL_WEAK;
void *ngx_array_create(void *pool, uintptr_t n, size_t size) FAIL_WEAK;
void *ngx_array_push(void *array) FAIL_WEAK;
void *ngx_array_push_n(void *array, uintptr_t n) FAIL_WEAK;
void *ngx_list_create(void *pool, uintptr_t n, size_t size) FAIL_WEAK;
void *ngx_list_push(void *list) FAIL_WEAK;
void *ngx_create_temp_buf(void *pool, size_t size) FAIL_WEAK;
void *ngx_create_chain_of_bufs(void *pool, void *bufs) FAIL_WEAK;
void *ngx_alloc_chain_link(void *pool) FAIL_WEAK;
intptr_t ngx_chain_add_copy(void *pool, void *chain, void *in) FAIL_WEAK;
void *ngx_pstrdup(void *pool, void *src) FAIL_WEAK;
void *ngx_slab_alloc(void *pool, size_t size) FAIL_WEAK;
void *ngx_slab_alloc_locked(void *pool, size_t size) FAIL_WEAK;
void *ngx_slab_calloc(void *pool, size_t size) FAIL_WEAK;
void *ngx_slab_calloc_locked(void *pool, size_t size) FAIL_WEAK;
void *ngx_http_cleanup_add(void *r, size_t size) FAIL_WEAK;
void *ngx_get_connection(int s, void *log) FAIL_WEAK;
void *ngx_thread_task_alloc(void *pool, size_t size) FAIL_WEAK;
intptr_t ngx_thread_task_post(void *tp, void *task) FAIL_WEAK;
void *ngx_shared_memory_add(void *cf, void *name, size_t size, void *tag)
    FAIL_WEAK;
void *ngx_http_add_variable(void *cf, void *name, uintptr_t flags) FAIL_WEAK;


#define FAIL_HERE(kind)  fail_now(kind, FAIL_WHOSE)

/* a function that returns a pointer, by NULL */

#define FAIL_NULL(name, params, args)                                        \
    static void *                                                            \
    fail_##name params                                                       \
    {                                                                        \
        if (FAIL_HERE(FAIL_MEMORY)) {                                        \
            errno = ENOMEM;                                                  \
            return NULL;                                                     \
        }                                                                    \
                                                                             \
        return name args;                                                    \
    }

FAIL_NULL(ngx_palloc, (void *pool, size_t size), (pool, size))
FAIL_NULL(ngx_pnalloc, (void *pool, size_t size), (pool, size))
FAIL_NULL(ngx_pcalloc, (void *pool, size_t size), (pool, size))
FAIL_NULL(ngx_pmemalign, (void *pool, size_t size, size_t alignment),
          (pool, size, alignment))
FAIL_NULL(ngx_alloc, (size_t size, void *log), (size, log))
FAIL_NULL(ngx_calloc, (size_t size, void *log), (size, log))
FAIL_NULL(ngx_create_pool, (size_t size, void *log), (size, log))
FAIL_NULL(ngx_pool_cleanup_add, (void *pool, size_t size), (pool, size))
FAIL_NULL(ngx_array_create, (void *pool, uintptr_t n, size_t size),
          (pool, n, size))
FAIL_NULL(ngx_array_push, (void *array), (array))
FAIL_NULL(ngx_array_push_n, (void *array, uintptr_t n), (array, n))
FAIL_NULL(ngx_list_create, (void *pool, uintptr_t n, size_t size),
          (pool, n, size))
FAIL_NULL(ngx_list_push, (void *list), (list))
FAIL_NULL(ngx_create_temp_buf, (void *pool, size_t size), (pool, size))
FAIL_NULL(ngx_create_chain_of_bufs, (void *pool, void *bufs), (pool, bufs))
FAIL_NULL(ngx_alloc_chain_link, (void *pool), (pool))
FAIL_NULL(ngx_pstrdup, (void *pool, void *src), (pool, src))
FAIL_NULL(ngx_slab_alloc, (void *pool, size_t size), (pool, size))
FAIL_NULL(ngx_slab_alloc_locked, (void *pool, size_t size), (pool, size))
FAIL_NULL(ngx_slab_calloc, (void *pool, size_t size), (pool, size))
FAIL_NULL(ngx_slab_calloc_locked, (void *pool, size_t size), (pool, size))
FAIL_NULL(ngx_http_cleanup_add, (void *r, size_t size), (r, size))
FAIL_NULL(ngx_get_connection, (int s, void *log), (s, log))
FAIL_NULL(ngx_thread_task_alloc, (void *pool, size_t size), (pool, size))
FAIL_NULL(ngx_shared_memory_add, (void *cf, void *name, size_t size, void *tag),
          (cf, name, size, tag))
FAIL_NULL(ngx_http_add_variable, (void *cf, void *name, uintptr_t flags),
          (cf, name, flags))

FAIL_NULL(malloc, (size_t size), (size))
FAIL_NULL(calloc, (size_t n, size_t size), (n, size))
FAIL_NULL(realloc, (void *p, size_t size), (p, size))
FAIL_NULL(reallocarray, (void *p, size_t n, size_t size), (p, n, size))
FAIL_NULL(strdup, (const char *s), (s))
FAIL_NULL(strndup, (const char *s, size_t n), (s, n))
FAIL_NULL(open_memstream, (char **text, size_t *size), (text, size))


/* a function that returns a number: a condition, and what it is then */

#define FAIL_IF(kind, name, params, args, error, rc)                         \
    static int                                                               \
    fail_##name params                                                       \
    {                                                                        \
        if (FAIL_HERE(kind)) {                                               \
            errno = error;                                                   \
            return rc;                                                       \
        }                                                                    \
                                                                             \
        return name args;                                                    \
    }

FAIL_IF(FAIL_MEMORY, posix_memalign, (void **p, size_t alignment, size_t size),
        (p, alignment, size), ENOMEM, ENOMEM)
FAIL_IF(FAIL_MEMORY, getaddrinfo,
        (const char *node, const char *service, const struct addrinfo *hints,
         struct addrinfo **res),
        (node, service, hints, res), ENOMEM, EAI_MEMORY)
FAIL_IF(FAIL_DESCRIPTOR, socket, (int domain, int type, int protocol),
        (domain, type, protocol), EMFILE, -1)
FAIL_IF(FAIL_DESCRIPTOR, accept4,
        (int fd, struct sockaddr *addr, socklen_t *len, int flags),
        (fd, addr, len, flags), ECONNABORTED, -1)
FAIL_IF(FAIL_CONNECT, connect,
        (int fd, const struct sockaddr *addr, socklen_t len),
        (fd, addr, len), ENOBUFS, -1)


static intptr_t
fail_ngx_chain_add_copy(void *pool, void *chain, void *in)
{
    return FAIL_HERE(FAIL_MEMORY) ? -1 : ngx_chain_add_copy(pool, chain, in);
}


static intptr_t
fail_ngx_thread_task_post(void *tp, void *task)
{
    return FAIL_HERE(FAIL_MEMORY) ? -1 : ngx_thread_task_post(tp, task);
}


static int
fail_vasprintf(char **text, const char *format, va_list args)
{
    if (FAIL_HERE(FAIL_MEMORY)) {
        *text = NULL;
        errno = ENOMEM;
        return -1;
    }

    return vasprintf(text, format, args);
}


static int
fail_vasprintf_chk(char **text, int flag, const char *format, va_list args)
{
    (void) flag;

    return fail_vasprintf(text, format, args);
}


static int
fail_asprintf(char **text, const char *format, ...)
{
    int      rc;
    va_list  args;

    va_start(args, format);
    rc = fail_vasprintf(text, format, args);
    va_end(args);

    return rc;
}


static int
fail_asprintf_chk(char **text, int flag, const char *format, ...)
{
    int      rc;
    va_list  args;

    (void) flag;

    va_start(args, format);
    rc = fail_vasprintf(text, format, args);
    va_end(args);

    return rc;
}


static int
fail_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*start)(void *), void *arg)
{
    if (FAIL_HERE(FAIL_MEMORY)) {
        return EAGAIN;
    }

    return pthread_create(thread, attr, start, arg);
}


static int
fail_open(const char *path, int flags, ...)
{
    mode_t   mode;
    va_list  args;

    va_start(args, flags);
    mode = va_arg(args, mode_t);
    va_end(args);

    if (FAIL_HERE(FAIL_DESCRIPTOR)) {
        errno = EMFILE;
        return -1;
    }

    return open(path, flags, mode);
}


static FILE *
fail_fopen(const char *path, const char *mode)
{
    if (FAIL_HERE(FAIL_DESCRIPTOR)) {
        errno = EMFILE;
        return NULL;
    }

    return fopen(path, mode);
}


static int
fail_epoll_ctl(int ep, int op, int fd, struct epoll_event *event)
{
    int  rc;

    if (op != EPOLL_CTL_DEL && FAIL_HERE(FAIL_EPOLL)) {
        errno = ENOMEM;
        return -1;
    }

    rc = epoll_ctl(ep, op, fd, event);

    if (rc == 0) {
        fail_watch(ep, op, fd, event);
    }

    return rc;
}


#define FAIL_TRANSFER(name, params, args)                                    \
    static ssize_t                                                           \
    fail_##name params                                                       \
    {                                                                        \
        if (len) {                                                           \
            len = fail_transfer(FAIL_WHOSE, fd, len);                        \
                                                                             \
            if (len == 0) {                                                  \
                return -1;                                                   \
            }                                                                \
        }                                                                    \
                                                                             \
        return name args;                                                    \
    }

FAIL_TRANSFER(recv, (int fd, void *p, size_t len, int flags),
              (fd, p, len, flags))
FAIL_TRANSFER(send, (int fd, const void *p, size_t len, int flags),
              (fd, p, len, flags))
FAIL_TRANSFER(read, (int fd, void *p, size_t len), (fd, p, len))
FAIL_TRANSFER(write, (int fd, const void *p, size_t len), (fd, p, len))


static ssize_t
fail_vector(int fd, const struct iovec *iov, int n,
    ssize_t (*call)(int fd, const struct iovec *iov, int n))
{
    int           i;
    size_t        len, may;
    struct iovec  one;

    len = 0;

    for (i = 0; i < n; i++) {
        len += iov[i].iov_len;
    }

    may = fail_transfer(FAIL_WHOSE, fd, len);

    if (may == len) {
        return call(fd, iov, n);
    }

    if (may == 0) {
        return -1;
    }

    for (i = 0; iov[i].iov_len == 0; i++) { /* void */ }

    one.iov_base = iov[i].iov_base;
    one.iov_len = 1;

    return call(fd, &one, 1);
}


static ssize_t
fail_writev(int fd, const struct iovec *iov, int n)
{
    return fail_vector(fd, iov, n, writev);
}


static ssize_t
fail_readv(int fd, const struct iovec *iov, int n)
{
    return fail_vector(fd, iov, n, readv);
}


#define FAIL_ENTRY(name)  { #name, (void *) fail_##name }

const fail_function_t  FAIL_TABLE[] = {
    FAIL_ENTRY(ngx_palloc),
    FAIL_ENTRY(ngx_pnalloc),
    FAIL_ENTRY(ngx_pcalloc),
    FAIL_ENTRY(ngx_pmemalign),
    FAIL_ENTRY(ngx_alloc),
    FAIL_ENTRY(ngx_calloc),
    FAIL_ENTRY(ngx_create_pool),
    FAIL_ENTRY(ngx_pool_cleanup_add),
    FAIL_ENTRY(ngx_array_create),
    FAIL_ENTRY(ngx_array_push),
    FAIL_ENTRY(ngx_array_push_n),
    FAIL_ENTRY(ngx_list_create),
    FAIL_ENTRY(ngx_list_push),
    FAIL_ENTRY(ngx_create_temp_buf),
    FAIL_ENTRY(ngx_create_chain_of_bufs),
    FAIL_ENTRY(ngx_alloc_chain_link),
    FAIL_ENTRY(ngx_chain_add_copy),
    FAIL_ENTRY(ngx_pstrdup),
    FAIL_ENTRY(ngx_slab_alloc),
    FAIL_ENTRY(ngx_slab_alloc_locked),
    FAIL_ENTRY(ngx_slab_calloc),
    FAIL_ENTRY(ngx_slab_calloc_locked),
    FAIL_ENTRY(ngx_http_cleanup_add),
    FAIL_ENTRY(ngx_get_connection),
    FAIL_ENTRY(ngx_thread_task_alloc),
    FAIL_ENTRY(ngx_thread_task_post),
    FAIL_ENTRY(ngx_shared_memory_add),
    FAIL_ENTRY(ngx_http_add_variable),
    FAIL_ENTRY(malloc),
    FAIL_ENTRY(calloc),
    FAIL_ENTRY(realloc),
    FAIL_ENTRY(reallocarray),
    FAIL_ENTRY(strdup),
    { "__strdup", (void *) fail_strdup },
    FAIL_ENTRY(strndup),
    { "__strndup", (void *) fail_strndup },
    FAIL_ENTRY(posix_memalign),
    FAIL_ENTRY(open_memstream),
    FAIL_ENTRY(asprintf),
    { "__asprintf_chk", (void *) fail_asprintf_chk },
    FAIL_ENTRY(vasprintf),
    { "__vasprintf_chk", (void *) fail_vasprintf_chk },
    FAIL_ENTRY(getaddrinfo),
    FAIL_ENTRY(pthread_create),
    FAIL_ENTRY(socket),
    FAIL_ENTRY(accept4),
    FAIL_ENTRY(open),
    { "open64", (void *) fail_open },
    FAIL_ENTRY(fopen),
    { "fopen64", (void *) fail_fopen },
    FAIL_ENTRY(connect),
    FAIL_ENTRY(epoll_ctl),
    FAIL_ENTRY(recv),
    FAIL_ENTRY(send),
    FAIL_ENTRY(read),
    FAIL_ENTRY(write),
    FAIL_ENTRY(writev),
    FAIL_ENTRY(readv),
    FAIL_ENTRY(dlopen),
    { NULL, NULL }
};
