
/*
 * A library to preload that ends the process, as kill -9 does, at a chosen
 * step: before the n-th call that reads, writes or waits, counted in one thread
 * from the read that brings a certain text.
 *
 * STEP_FILE is a file of a page that the test maps as well: the number of the
 * call (0: none), how many were counted, and whether counting has ended.
 * STEP_BEGIN is the text that begins it, STEP_END one that is written: with the
 * read after that it ends.
 */


#define _GNU_SOURCE

#undef _FORTIFY_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>


typedef struct {
    volatile uint32_t   at;
    volatile uint32_t   seen;
    volatile uint32_t   ended;
} step_t;


static step_t              *step;
static const char          *step_begin;
static const char          *step_end;

/* of the thread that counts */
static _Thread_local int    counting;
static _Thread_local int    ending;


__attribute__((constructor)) static void
step_init(void)
{
    int          fd;
    const char  *file;

    file = getenv("STEP_FILE");
    step_begin = getenv("STEP_BEGIN");
    step_end = getenv("STEP_END");
    fd = file ? open(file, O_RDWR) : -1;

    if (fd != -1) {
        step = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        step = step == MAP_FAILED ? NULL : step;
    }
}


/* before a call */

static void
step_call(void)
{
    if (counting && step->at && ++step->seen == step->at) {
        /* the next process is to live */
        step->at = 0;
        kill(getpid(), SIGKILL);
        pause();
    }
}


static void
step_read(const void *data, ssize_t n)
{
    if (step == NULL || n <= 0) {
        return;
    }

    if (ending) {
        ending = counting = 0;
        step->ended = 1;
        step->at = 0;

    } else if (!counting && step->at && !step->ended
               && memmem(data, (size_t) n, step_begin, strlen(step_begin)))
    {
        step->seen = 0;
        counting = 1;
    }
}


static void
step_write(const void *data, size_t n)
{
    if (counting && memmem(data, n, step_end, strlen(step_end))) {
        ending = 1;
    }
}


#define REAL(name)                                                            \
    static __typeof__(name)  *real;                                           \
    if (real == NULL) {                                                       \
        real = (__typeof__(name) *) dlsym(RTLD_NEXT, #name);                  \
    }


ssize_t
read(int fd, void *data, size_t size)
{
    ssize_t  n;

    REAL(read)
    step_call();
    n = real(fd, data, size);
    step_read(data, n);

    return n;
}


ssize_t
__read_chk(int fd, void *data, size_t size, size_t room)
{
    (void) room;

    return read(fd, data, size);
}


ssize_t
recv(int fd, void *data, size_t size, int flags)
{
    ssize_t  n;

    REAL(recv)
    step_call();
    n = real(fd, data, size, flags);
    step_read(data, n);

    return n;
}


ssize_t
__recv_chk(int fd, void *data, size_t size, size_t room, int flags)
{
    (void) room;

    return recv(fd, data, size, flags);
}


ssize_t
write(int fd, const void *data, size_t size)
{
    REAL(write)
    step_call();
    step_write(data, size);

    return real(fd, data, size);
}


ssize_t
send(int fd, const void *data, size_t size, int flags)
{
    REAL(send)
    step_call();
    step_write(data, size);

    return real(fd, data, size, flags);
}


int
connect(int fd, const struct sockaddr *address, socklen_t len)
{
    REAL(connect)
    step_call();

    return real(fd, address, len);
}


int
poll(struct pollfd *fds, nfds_t n, int ms)
{
    REAL(poll)
    step_call();

    return real(fds, n, ms);
}


int
__poll_chk(struct pollfd *fds, nfds_t n, int ms, size_t room)
{
    (void) room;

    return poll(fds, n, ms);
}
