
#include "skep_schedule.h"

#include <string.h>


static const char *skep_schedule_number(const char *p, int64_t *msec);


int
skep_schedule_parse(const char *text, skep_schedule_t *schedule)
{
    int64_t      msec;
    const char  *p;

    schedule->n = 0;
    p = text;

    for ( ;; ) {
        p += strspn(p, " \t");

        if (*p == '\0') {
            return 0;
        }

        p = skep_schedule_number(p, &msec);

        if (p == NULL || schedule->n == SKEP_SCHEDULE_MAX) {
            return -1;
        }

        schedule->pauses[schedule->n++] = msec;
    }
}


static const char *
skep_schedule_number(const char *p, int64_t *msec)
{
    size_t      i, len;
    int64_t     n;

    static const struct {
        const char  *name;
        int64_t      msec;
    } units[] = {
        { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 },
        { "h", 3600000 }, { "d", 86400000 }
    };

    if (*p < '0' || *p > '9') {
        return NULL;
    }

    for (n = 0; *p >= '0' && *p <= '9'; p++) {
        n = n * 10 + (*p - '0');

        if (n > SKEP_SCHEDULE_PAUSE_MAX * 1000LL) {
            return NULL;
        }
    }

    len = strcspn(p, " \t");

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strlen(units[i].name) == len
            && memcmp(units[i].name, p, len) == 0)
        {
            *msec = n * units[i].msec;

            return *msec <= SKEP_SCHEDULE_PAUSE_MAX * 1000LL ? p + len : NULL;
        }
    }

    return NULL;
}


int64_t
skep_schedule_pause(const skep_schedule_t *schedule, unsigned attempt,
    int64_t asked, int64_t max, uint32_t random)
{
    int64_t  pause;

    if (attempt == 0 || attempt > schedule->n) {
        return -1;
    }

    if (asked > max) {
        asked = max;
    }

    pause = schedule->pauses[attempt - 1];

    if (asked > pause) {
        pause = asked;
    }

    return pause + pause / 10 * (random % 1024) / 1024;
}
