
/*
 * The text of /metrics: the exposition format of Prometheus, version 0.0.4.
 */


#include "ngx_api_module.h"


/* the longest number: of 64 bits, with a point and nine digits */
#define NGX_API_METRICS_NUMBER  (NGX_INT64_LEN + 16)


static void ngx_api_metrics_text_head(ngx_api_json_t *j,
    const ngx_api_metric_family_t *family);
static void ngx_api_metrics_text_line(ngx_api_json_t *j,
    const ngx_api_metric_family_t *family, const char *suffix,
    const ngx_str_t *labels, const char *le, uint64_t value,
    ngx_uint_t seconds);
static void ngx_api_metrics_text_series(ngx_api_json_t *j,
    const ngx_api_metric_family_t *family, const ngx_api_metrics_sum_t *sum);
static void ngx_api_metrics_text_answers(ngx_api_json_t *j,
    const ngx_api_metrics_conf_t *conf, uint64_t *const *answers);
static void ngx_api_metrics_text_own(ngx_api_json_t *j,
    const ngx_api_metrics_conf_t *conf);


const ngx_api_metric_bound_t
    ngx_api_metric_bounds[NGX_API_METRIC_BUCKETS - 1] =
{
    { 250000, "0.00025" },
    { 500000, "0.0005" },
    { 1000000, "0.001" },
    { 2500000, "0.0025" },
    { 5000000, "0.005" },
    { 10000000, "0.01" },
    { 25000000, "0.025" },
    { 50000000, "0.05" },
    { 100000000, "0.1" },
    { 250000000, "0.25" },
    { 500000000, "0.5" },
    { 1000000000, "1" },
    { 2500000000, "2.5" },
    { 5000000000, "5" },
    { 10000000000, "10" }
};


static const ngx_api_metric_family_t  ngx_api_metrics_build_family = {
    ngx_string("skep_build_info"),
    ngx_string("What was built of what; always 1."),
    NGX_API_METRIC_GAUGE, 0, NULL
};

static const ngx_api_metric_family_t  ngx_api_metrics_zone_family = {
    ngx_string("skep_metrics_zone_bytes"),
    ngx_string("The shared memory of these metrics, in whole pages."),
    NGX_API_METRIC_GAUGE, 0, NULL
};

static const ngx_api_metric_family_t  ngx_api_metrics_dropped_family = {
    ngx_string("skep_metrics_dropped_total"),
    ngx_string("Requests and series that found no room in that memory."),
    NGX_API_METRIC_COUNTER, 0, NULL
};


ngx_int_t
ngx_api_metrics_text(ngx_api_json_t *j, const ngx_api_metrics_conf_t *conf,
    uint64_t *const *answers)
{
    void                             *at;
    uint64_t                         *sums;
    ngx_uint_t                        i, headed;
    ngx_api_metrics_sum_t             sum;
    const ngx_api_metric_family_t   **families, *kept;

    sums = ngx_api_metrics_zone_sums(conf->zone, j->pool);
    if (sums == NULL) {
        return NGX_ERROR;
    }

    families = conf->families.elts;

    for (i = 0; i < conf->families.nelts; i++) {

        kept = families[i]->count_of ? families[i]->count_of : families[i];
        headed = 0;
        at = NULL;

        while (ngx_api_metrics_zone_next(conf->zone, sums, kept, &at, &sum)
               == NGX_OK)
        {
            if (!headed) {
                ngx_api_metrics_text_head(j, families[i]);
                headed = 1;
            }

            ngx_api_metrics_text_series(j, families[i], &sum);
        }
    }

    ngx_api_metrics_text_answers(j, conf, answers);
    ngx_api_metrics_text_own(j, conf);

    return j->failed ? NGX_ERROR : NGX_OK;
}


static void
ngx_api_metrics_text_head(ngx_api_json_t *j,
    const ngx_api_metric_family_t *family)
{
    ngx_uint_t  i;

    static const char  *types[] = { "counter", "gauge", "histogram" };

    struct {
        const char  *text;
        size_t       len;
    } parts[] = {
        { "# HELP ", 7 },
        { (char *) family->name.data, family->name.len },
        { " ", 1 },
        { (char *) family->help.data, family->help.len },
        { "\n# TYPE ", 8 },
        { (char *) family->name.data, family->name.len },
        { " ", 1 },
        { types[family->type], ngx_strlen(types[family->type]) },
        { "\n", 1 }
    };

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        ngx_api_json_raw(j, parts[i].text, parts[i].len);
    }
}


/* le: NULL, or the bound of a bucket */

static void
ngx_api_metrics_text_line(ngx_api_json_t *j,
    const ngx_api_metric_family_t *family, const char *suffix,
    const ngx_str_t *labels, const char *le, uint64_t value,
    ngx_uint_t seconds)
{
    u_char  *p;

    ngx_api_json_raw(j, family->name.data, family->name.len);
    ngx_api_json_raw(j, suffix, ngx_strlen(suffix));

    if (labels->len || le) {
        ngx_api_json_literal(j, "{");
        ngx_api_json_raw(j, labels->data, labels->len);

        if (le) {
            if (labels->len) {
                ngx_api_json_literal(j, ",");
            }

            ngx_api_json_literal(j, "le=\"");
            ngx_api_json_raw(j, le, ngx_strlen(le));
            ngx_api_json_literal(j, "\"");
        }

        ngx_api_json_literal(j, "}");
    }

    p = ngx_api_json_reserve(j, NGX_API_METRICS_NUMBER);
    if (p == NULL) {
        return;
    }

    p = seconds ? ngx_sprintf(p, " %uL.%09uL\n", value / 1000000000,
                              value % 1000000000)
                : ngx_sprintf(p, " %uL\n", value);

    ngx_api_json_advance(j, p);
}


static void
ngx_api_metrics_text_series(ngx_api_json_t *j,
    const ngx_api_metric_family_t *family, const ngx_api_metrics_sum_t *sum)
{
    uint64_t     n;
    ngx_uint_t   i;
    const char  *le;

    if (family->type != NGX_API_METRIC_HISTOGRAM && family->count_of == NULL) {
        ngx_api_metrics_text_line(j, family, "", &sum->labels, NULL,
                                  sum->values[0], family->seconds);
        return;
    }

    n = 0;

    for (i = 0; i < NGX_API_METRIC_BUCKETS; i++) {
        n += sum->values[i];

        if (family->count_of) {
            continue;
        }

        le = (i < NGX_API_METRIC_BUCKETS - 1) ? ngx_api_metric_bounds[i].text
                                              : "+Inf";

        ngx_api_metrics_text_line(j, family, "_bucket", &sum->labels, le, n,
                                  0);
    }

    if (family->count_of) {
        ngx_api_metrics_text_line(j, family, "", &sum->labels, NULL, n, 0);
        return;
    }

    ngx_api_metrics_text_line(j, family, "_sum", &sum->labels, NULL,
                              sum->values[NGX_API_METRIC_BUCKETS], 1);
    ngx_api_metrics_text_line(j, family, "_count", &sum->labels, NULL, n, 0);
}


static void
ngx_api_metrics_text_answers(ngx_api_json_t *j,
    const ngx_api_metrics_conf_t *conf, uint64_t *const *answers)
{
    ngx_uint_t                         i, k;
    const ngx_api_metric_family_t     *family;
    const ngx_api_metrics_question_t  *question;

    static const ngx_str_t  none = ngx_null_string;

    question = conf->questions.elts;

    for (i = 0; i < conf->questions.nelts; i++) {

        if (answers[i] == NULL) {
            continue;
        }

        for (k = 0; k < question[i].n; k++) {
            family = &question[i].families[k];

            ngx_api_metrics_text_head(j, family);
            ngx_api_metrics_text_line(j, family, "", &none, NULL,
                                      answers[i][k], family->seconds);
        }
    }
}


/* of the metrics themselves */

static void
ngx_api_metrics_text_own(ngx_api_json_t *j, const ngx_api_metrics_conf_t *conf)
{
    int         libpq;
    u_char      text[256];
    size_t      free;
    ngx_str_t   labels;

    static const ngx_str_t  none = ngx_null_string;
    static const ngx_str_t  is_used = ngx_string("state=\"used\"");
    static const ngx_str_t  is_free = ngx_string("state=\"free\"");

    libpq = PQlibVersion();

    labels.data = text;
    labels.len = ngx_snprintf(text, sizeof(text),
                              "version=\"%s\",nginx=\"%s\",libpq=\"%d.%d\"",
                              SKEP_VERSION, NGINX_VERSION, libpq / 10000,
                              libpq % 10000)
                 - text;

    ngx_api_metrics_text_head(j, &ngx_api_metrics_build_family);
    ngx_api_metrics_text_line(j, &ngx_api_metrics_build_family, "", &labels,
                              NULL, 1, 0);

    free = ngx_api_metrics_zone_free(conf->zone);

    ngx_api_metrics_text_head(j, &ngx_api_metrics_zone_family);
    ngx_api_metrics_text_line(j, &ngx_api_metrics_zone_family, "", &is_used,
                              NULL, conf->zone->size - free, 0);
    ngx_api_metrics_text_line(j, &ngx_api_metrics_zone_family, "", &is_free,
                              NULL, free, 0);

    ngx_api_metrics_text_head(j, &ngx_api_metrics_dropped_family);
    ngx_api_metrics_text_line(j, &ngx_api_metrics_dropped_family, "", &none,
                              NULL, ngx_api_metrics_zone_dropped(conf->zone),
                              0);
}
