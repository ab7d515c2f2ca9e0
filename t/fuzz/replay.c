
/*
 * In the place of libFuzzer: the inputs that are kept, once each, as a test.
 *
 *     fuzz_NAME             all files of FUZZ_DIR/seeds/NAME, corpus/NAME
 *     fuzz_NAME FILE...     these
 */


#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


/* there under the sanitizers only */
extern void __sanitizer_set_death_callback(void (*callback)(void))
    __attribute__((weak));


static unsigned    replay_n;
static const char *replay_file;


static void
replay_died(void)
{
    static const char  text[] = "the input was ";

    if (replay_file) {
        (void) !write(STDERR_FILENO, text, sizeof(text) - 1);
        (void) !write(STDERR_FILENO, replay_file, strlen(replay_file));
        (void) !write(STDERR_FILENO, "\n", 1);
    }
}


static void
replay(const char *path)
{
    FILE     *in;
    size_t    size;
    uint8_t  *data, *copy;

    enum { MOST = 1 << 20 };

    in = fopen(path, "rb");
    data = malloc(MOST);
    fuzz_check(in != NULL && data != NULL);

    size = fread(data, 1, MOST, in);
    fuzz_check(!ferror(in) && size < MOST);
    (void) fclose(in);

    /* of its length exactly: reading beyond it is seen */

    copy = malloc(size ? size : 1);
    fuzz_check(copy != NULL);
    memcpy(copy, data, size);
    free(data);

    replay_file = path;
    (void) LLVMFuzzerTestOneInput(copy, size);
    replay_file = NULL;

    free(copy);

    printf("ok %u - %s\n", ++replay_n, path);
    (void) fflush(stdout);
}


static int
replay_is_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}


static void
replay_directory(const char *kind)
{
    int              i, n;
    char             path[4096];
    struct dirent  **entries;

    (void) snprintf(path, sizeof(path), FUZZ_DIR "/%s/" FUZZ_NAME, kind);

    n = scandir(path, &entries, replay_is_file, alphasort);

    for (i = 0; i < n; i++) {
        (void) snprintf(path, sizeof(path), FUZZ_DIR "/%s/" FUZZ_NAME "/%s",
                        kind, entries[i]->d_name);
        replay(path);
        free(entries[i]);
    }

    if (n >= 0) {
        free(entries);
    }
}


int
main(int argc, char **argv)
{
    int  i;

    if (__sanitizer_set_death_callback) {
        __sanitizer_set_death_callback(replay_died);
    }

    for (i = 1; i < argc; i++) {
        replay(argv[i]);
    }

    if (argc == 1) {
        replay_directory("seeds");
        fuzz_check(replay_n > 0);
        replay_directory("corpus");
    }

    printf("1..%u\n", replay_n);

    return 0;
}
