
/*
 * Preloaded: counts what a process has allocated and not freed, to the byte,
 * in the file that $SKEP_LIVE names: two numbers of 64 bits, blocks and bytes.
 * Its children don't count there.
 */


#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>


typedef struct {
    int64_t  blocks;
    int64_t  bytes;
} live_t;


/* glibc's own, which a malloc() of somebody's may use */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *p);

static live_t   live_none;
static live_t  *live = &live_none;


static void
live_child(void)
{
    live = &live_none;
}


__attribute__((constructor))
static void
live_begin(void)
{
    int          fd;
    void        *p;
    const char  *file;

    file = getenv("SKEP_LIVE");
    fd = file ? open(file, O_RDWR|O_CREAT|O_CLOEXEC, 0600) : -1;
    if (fd == -1) {
        return;
    }

    if (ftruncate(fd, sizeof(live_t)) == 0) {
        p = mmap(NULL, sizeof(live_t), PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);

        if (p != MAP_FAILED && pthread_atfork(NULL, NULL, live_child) == 0) {
            live = p;
        }
    }

    close(fd);
}


/* what was allocated before the constructor is counted when it is freed: all
 * that matters is the difference between two moments */
static void *
live_count(void *p, int sign)
{
    if (p != NULL) {
        __atomic_add_fetch(&live->blocks, sign, __ATOMIC_RELAXED);
        __atomic_add_fetch(&live->bytes, sign * (int64_t) malloc_usable_size(p),
                           __ATOMIC_RELAXED);
    }

    return p;
}


void *
malloc(size_t size)
{
    return live_count(__libc_malloc(size), 1);
}


void *
calloc(size_t n, size_t size)
{
    return live_count(__libc_calloc(n, size), 1);
}


void *
realloc(void *old, size_t size)
{
    void  *p;

    live_count(old, -1);
    p = __libc_realloc(old, size);

    if (p == NULL && size > 0) {
        live_count(old, 1);
    }

    return live_count(p, 1);
}


void *
memalign(size_t alignment, size_t size)
{
    return live_count(__libc_memalign(alignment, size), 1);
}


void *
aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}


int
posix_memalign(void **p, size_t alignment, size_t size)
{
    *p = memalign(alignment, size);

    return *p == NULL ? ENOMEM : 0;
}


void
free(void *p)
{
    live_count(p, -1);
    __libc_free(p);
}
