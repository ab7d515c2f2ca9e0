
#include "skep_metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>


typedef struct {
    const char  *name;
    const char  *labels;
    const char  *help;
    const char  *kind;
} skep_metrics_row_t;


#define SKEP_METRIC_COUNTER(id, name, labels, help)                           \
    { name, labels, help, "counter" },

#define SKEP_METRIC_GAUGE(id, name, labels, help)                             \
    { name, labels, help, "gauge" },


_Atomic int64_t  skep_metrics[SKEP_METRICS_N];


static const skep_metrics_row_t  skep_metrics_rows[] = {
    SKEP_METRICS(SKEP_METRIC_COUNTER, SKEP_METRIC_GAUGE)
};


char *
skep_metrics_text(size_t *len)
{
    char                      *text;
    FILE                      *out;
    size_t                     i;
    int64_t                    value;
    const char                *last;
    const skep_metrics_row_t  *row;

    text = NULL;
    out = open_memstream(&text, len);

    if (out == NULL) {
        return NULL;
    }

    last = "";

    for (i = 0; i < SKEP_METRICS_N; i++) {
        row = &skep_metrics_rows[i];
        value = atomic_load(&skep_metrics[i]);

        if (value == SKEP_METRIC_NONE) {
            continue;
        }

        if (strcmp(row->name, last) != 0) {
            fprintf(out, "# HELP skep_worker_%s %s\n"
                         "# TYPE skep_worker_%s %s\n",
                    row->name, row->help, row->name, row->kind);
            last = row->name;
        }

        fprintf(out, "skep_worker_%s%s%s%s %" PRId64 "\n", row->name,
                row->labels[0] ? "{" : "", row->labels,
                row->labels[0] ? "}" : "", value);
    }

    if (ferror(out) | fclose(out)) {
        free(text);
        return NULL;
    }

    return text;
}
