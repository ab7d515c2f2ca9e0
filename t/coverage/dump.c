
/*
 * Linked into what ./dev test coverage builds: gcov's counts are written when a
 * process ends, and this sees to it that they can be.
 *
 * nginx's workers have no environment and are not who started nginx, so where
 * the counts go, which is what $GCOV_PREFIX is for, is read from a file at the
 * start and set at the end; and all may write what one of them made.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


void __gcov_dump(void);
void __real__exit(int status) __attribute__((noreturn));
void __wrap__exit(int status) __attribute__((noreturn));

static char  skep_coverage_dir[256];


__attribute__((constructor))
static void
skep_coverage_begin(void)
{
    FILE  *file;

    file = fopen(SKEP_COVERAGE_FILE, "re");
    if (file == NULL) {
        return;
    }

    if (fgets(skep_coverage_dir, sizeof(skep_coverage_dir), file)) {
        skep_coverage_dir[strcspn(skep_coverage_dir, "\n")] = '\0';
    }

    (void) fclose(file);
}


/* before the one of gcov, whose priority is 100 */

__attribute__((destructor))
static void
skep_coverage_end(void)
{
    if (skep_coverage_dir[0] == '\0') {
        return;
    }

    (void) setenv("GCOV_PREFIX", skep_coverage_dir, 1);
    (void) umask(0);
}


/* the end that knows no destructors */

void
__wrap__exit(int status)
{
    skep_coverage_end();
    __gcov_dump();
    __real__exit(status);
}
