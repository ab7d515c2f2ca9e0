
/*
 * Failure on demand: a library that is preloaded into nginx or skep-worker and
 * makes the N-th call of some kind fail, as the machine might.
 *
 * The calls of each object (the binary, a module, a library that it uses) go
 * through a table of addresses, which the loader fills.  Here the entries of
 * the functions below are replaced, in the objects that are asked for; so any
 * build can be tested, and it is known whose call it is.  What a test wants is
 * in a file that all processes map, see Skep::Fail.
 */


#define _GNU_SOURCE

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "skep_fail.h"


#if defined(__x86_64__)
#define FAIL_SLOT    R_X86_64_JUMP_SLOT
#define FAIL_GLOBAL  R_X86_64_GLOB_DAT
#define FAIL_DATA    R_X86_64_64
#elif defined(__aarch64__)
#define FAIL_SLOT    R_AARCH64_JUMP_SLOT
#define FAIL_GLOBAL  R_AARCH64_GLOB_DAT
#define FAIL_DATA    R_AARCH64_ABS64
#else
#error "whose relocations are these?"
#endif


/* what is registered with epoll, by descriptor */

typedef struct {
    int                 ep;
    struct epoll_event  event;
} fail_watch_t;


#define FAIL_FDS  4096


static fail_control_t  *fail;
static fail_watch_t     fail_watches[FAIL_FDS];


/* notes the functions that are running, without those of this library */

static void
fail_note(fail_site_t *site)
{
    int      i, n, at;
    void    *addrs[FAIL_FRAMES + 6];
    Dl_info  info, own;

    n = backtrace(addrs, FAIL_FRAMES + 6);
    at = 0;

    if (!dladdr((void *) fail_note, &own)) {
        return;
    }

    for (i = 0; i < n && at < FAIL_FRAMES; i++) {

        if (!dladdr(addrs[i], &info) || info.dli_fname == NULL
            || info.dli_fbase == own.dli_fbase)
        {
            continue;
        }

        site->frames[at].offset = (char *) addrs[i] - (char *) info.dli_fbase;
        strncpy(site->frames[at].object, info.dli_fname,
                sizeof(site->frames[at].object) - 1);
        at++;
    }
}


/* whether this is the call that fails; it is noted where it was made */

int
fail_now(uint32_t kind, uint32_t whose)
{
    uint64_t  n;
    uint32_t  i;

    if (fail == NULL || !fail->armed || !(fail->kinds & kind)
        || !(fail->whose & whose)
        || (fail->pid && fail->pid != (uint32_t) getpid()))
    {
        return 0;
    }

    n = __atomic_add_fetch(&fail->seen, 1, __ATOMIC_SEQ_CST);

    if (n < fail->from || n - fail->from >= fail->times) {
        return 0;
    }

    i = __atomic_fetch_add(&fail->failed, 1, __ATOMIC_SEQ_CST);

    if (i < FAIL_SITES) {
        fail_note(&fail->sites[i]);
    }

    return 1;
}


/*
 * What is registered with epoll is kept: after a call that was cut short the
 * kernel is asked anew whether there is more, since it knows of no shortage
 * and would not tell an edge-triggered reader of the rest.
 */

void
fail_watch(int ep, int op, int fd, const struct epoll_event *event)
{
    if (fd >= FAIL_FDS) {
        return;
    }

    fail_watches[fd].ep = op == EPOLL_CTL_DEL ? 0 : ep;

    if (event) {
        fail_watches[fd].event = *event;
    }
}


static void
fail_again(int fd)
{
    if (fd < FAIL_FDS && fail_watches[fd].ep) {
        (void) epoll_ctl(fail_watches[fd].ep, EPOLL_CTL_MOD, fd,
                         &fail_watches[fd].event);
    }
}


/*
 * A transfer of len bytes over a socket: how many of them may be transferred,
 * or 0 if it fails, with errno set.  One byte, nothing for now, interrupted, an
 * error.
 */

size_t
fail_transfer(uint32_t whose, int fd, size_t len)
{
    int        type;
    socklen_t  size;

    size = sizeof(int);

    if (len == 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == -1) {
        return len;
    }

    if (fail_now(FAIL_SHORT, whose)) {
        fail_again(fd);
        return 1;
    }

    if (fail_now(FAIL_AGAIN, whose)) {
        fail_again(fd);
        errno = EAGAIN;
        return 0;
    }

    if (fail_now(FAIL_INTERRUPT, whose)) {
        errno = EINTR;
        return 0;
    }

    if (fail_now(FAIL_RESET, whose)) {
        /* whoever reads now is told, too: libpq counts on it */
        (void) shutdown(fd, SHUT_RDWR);
        errno = ECONNRESET;
        return 0;
    }

    return len;
}


/* the objects whose calls are looked at, by the beginning of their names */

static const struct {
    const char  *name;
    uint32_t     whose;
} fail_objects[] = {
    { "ngx_api_module.so", FAIL_OURS },
    { "ngx_auth_module.so", FAIL_OURS },
    { "ngx_task_module.so", FAIL_OURS },
    { "ngx_notify_module.so", FAIL_OURS },
    { "skep-worker", FAIL_OURS },
    { "libpq.so", FAIL_LIBRARIES },
    { "libhiredis.so", FAIL_LIBRARIES },
    { "libjansson.so", FAIL_LIBRARIES },
    { "libcurl.so", FAIL_LIBRARIES },
    { "libmicrohttpd.so", FAIL_LIBRARIES },
    { "libcrypto.so", FAIL_LIBRARIES },
    { "nginx", FAIL_NGINX },
    { NULL, 0 }
};


static uint32_t
fail_whose(const struct dl_phdr_info *info)
{
    size_t       i;
    char         exe[4096];
    ssize_t      n;
    const char  *path, *name;

    path = info->dlpi_name;

    /* the binary itself has no name */

    if (path[0] == '\0') {
        n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
        exe[n < 0 ? 0 : n] = '\0';
        path = exe;
    }

    name = strrchr(path, '/');
    name = name ? name + 1 : path;

    for (i = 0; fail_objects[i].name; i++) {
        if (strncmp(name, fail_objects[i].name, strlen(fail_objects[i].name))
            == 0)
        {
            return fail_objects[i].whose;
        }
    }

    return 0;
}


static const fail_function_t *
fail_functions_of(uint32_t whose)
{
    return whose == FAIL_OURS ? fail_functions_ours
           : whose == FAIL_LIBRARIES ? fail_functions_libraries
           : fail_functions_nginx;
}


static void
fail_entry(uintptr_t *entry, const char *name, uint32_t whose)
{
    long                    page;
    uintptr_t               start;
    const fail_function_t  *f;

    for (f = fail_functions_of(whose); f->name; f++) {
        if (strcmp(f->name, name) == 0) {
            break;
        }
    }

    if (f->name == NULL || *entry == (uintptr_t) f->wrapper) {
        return;
    }

    /* most of these tables are read-only by now */

    page = sysconf(_SC_PAGESIZE);
    start = (uintptr_t) entry & ~((uintptr_t) page - 1);

    if (mprotect((void *) start, page, PROT_READ|PROT_WRITE) == 0) {
        *entry = (uintptr_t) f->wrapper;
    }
}


static void
fail_relocations(uintptr_t base, const ElfW(Rela) *rela, size_t size,
    const ElfW(Sym) *symbols, const char *strings, uint32_t whose)
{
    size_t            i;
    uint64_t          type;
    const ElfW(Sym)  *symbol;

    for (i = 0; i < size / sizeof(ElfW(Rela)); i++) {

        type = ELF64_R_TYPE(rela[i].r_info);
        symbol = &symbols[ELF64_R_SYM(rela[i].r_info)];

        if (symbol->st_shndx != SHN_UNDEF
            && type != FAIL_SLOT && type != FAIL_GLOBAL)
        {
            continue;
        }

        if (type == FAIL_SLOT || type == FAIL_GLOBAL
            || (type == FAIL_DATA && rela[i].r_addend == 0))
        {
            fail_entry((uintptr_t *) (base + rela[i].r_offset),
                       strings + symbol->st_name, whose);
        }
    }
}


/* one object that is loaded: its tables */

static int
fail_object(struct dl_phdr_info *info, size_t size, void *data)
{
    int                i;
    size_t             rela_size, slots_size;
    uint32_t           whose;
    const char        *strings;
    const ElfW(Dyn)   *dyn;
    const ElfW(Sym)   *symbols;
    const ElfW(Rela)  *rela, *slots;

    (void) size;
    (void) data;

    whose = fail_whose(info);

    if (whose == 0) {
        return 0;
    }

    dyn = NULL;

    for (i = 0; i < info->dlpi_phnum; i++) {

        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC) {
            dyn = (ElfW(Dyn) *) (info->dlpi_addr
                                 + info->dlpi_phdr[i].p_vaddr);
        }
    }

    strings = NULL;
    symbols = NULL;
    rela = NULL;
    slots = NULL;
    rela_size = 0;
    slots_size = 0;

    for ( /* void */ ; dyn && dyn->d_tag != DT_NULL; dyn++) {

        switch (dyn->d_tag) {

        case DT_STRTAB:
            strings = (const char *) dyn->d_un.d_ptr;
            break;
        case DT_SYMTAB:
            symbols = (const ElfW(Sym) *) dyn->d_un.d_ptr;
            break;
        case DT_RELA:
            rela = (const ElfW(Rela) *) dyn->d_un.d_ptr;
            break;
        case DT_RELASZ:
            rela_size = dyn->d_un.d_val;
            break;
        case DT_JMPREL:
            slots = (const ElfW(Rela) *) dyn->d_un.d_ptr;
            break;
        case DT_PLTRELSZ:
            slots_size = dyn->d_un.d_val;
            break;
        default:
            break;
        }
    }

    if (strings == NULL || symbols == NULL) {
        return 0;
    }

    fail_relocations(info->dlpi_addr, rela, rela_size, symbols, strings,
                     whose);
    fail_relocations(info->dlpi_addr, slots, slots_size, symbols, strings,
                     whose);

    return 0;
}


/* nginx's modules come later */

void *
fail_dlopen(const char *path, int flags)
{
    void  *handle;

    handle = dlopen(path, flags);
    dl_iterate_phdr(fail_object, NULL);

    return handle;
}


static __attribute__((constructor)) void
fail_init(void)
{
    int          fd;
    void        *p, *frame;
    const char  *path;

    path = getenv("SKEP_FAIL");
    if (path == NULL) {
        return;
    }

    fd = open(path, O_RDWR|O_CLOEXEC);
    if (fd == -1) {
        return;
    }

    p = mmap(NULL, sizeof(fail_control_t), PROT_READ|PROT_WRITE, MAP_SHARED,
             fd, 0);
    close(fd);

    if (p == MAP_FAILED) {
        return;
    }

    /* its first call loads a library and allocates */
    (void) backtrace(&frame, 1);

    dl_iterate_phdr(fail_object, NULL);
    fail = p;
}
