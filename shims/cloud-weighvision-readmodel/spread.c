/* SPDX-License-Identifier: Apache-2.0 */
/* How the weights of one period are spread. */
#include "readmodel.h"

#include "common/members.h"

#define BINS 10

static void member_if(struct farmiq_json_writer *json, const char *name, int r,
                      double value)
{
    if (r == FARMIQ_OK)
        member_real(json, name, value);
    else
        member_null(json, name);
}

void samples_write_statistics(struct farmiq_json_writer *json,
                              const struct samples *samples)
{
    double sd = 0, uniformity = 0, cv = 0;
    int has_any = samples->count ? FARMIQ_OK : FARMIQ_UNDEFINED;
    int has_sd = farmiq_agg_sd(&samples->agg, &sd);
    int has_cv = farmiq_kpi_cv(samples->agg.mean, sd, samples->count, &cv, NULL);
    int has_uniformity =
        farmiq_kpi_uniformity(samples->kg, samples->count, 0.1, &uniformity, NULL);

    farmiq_json_open(json, '{');
    member_if(json, "current_avg_weight_kg", has_any, samples->agg.mean);
    member_if(json, "current_stddev_kg", has_sd, sd);
    member_if(json, "uniformity_percent", has_uniformity, uniformity);
    member_if(json, "cv", has_cv, cv);
    member_if(json, "iqr_kg", has_any,
              samples_quantile(samples, 0.75) - samples_quantile(samples, 0.25));
    farmiq_json_close(json, '}');
}

/* "lower-upper": the lower bound belongs to the bin; the last has both. */
static void write_bin(struct farmiq_json_writer *json, double from, double to,
                      uint32_t count)
{
    struct farmiq_json_writer text;
    char range[80];
    size_t from_len = 0, to_len = 0;

    farmiq_json_begin(&text, range, sizeof range);
    farmiq_json_double(&text, from);
    if (farmiq_json_end(&text, &from_len) != FARMIQ_OK)
        return;
    range[from_len] = '-';
    farmiq_json_begin(&text, range + from_len + 1, sizeof range - from_len - 1);
    farmiq_json_double(&text, to);
    if (farmiq_json_end(&text, &to_len) != FARMIQ_OK)
        return;
    farmiq_json_open(json, '{');
    member_text(json, "range", (struct farmiq_str){ range, from_len + 1 + to_len });
    member_int(json, "count", count);
    farmiq_json_close(json, '}');
}

void samples_write_bins(struct farmiq_json_writer *json, const struct samples *samples)
{
    double width = (samples->agg.max - samples->agg.min) / BINS;
    uint32_t i = 0;

    farmiq_json_open(json, '[');
    for (int bin = 0; samples->count && bin < BINS; bin++) {
        double to =
            bin == BINS - 1 ? samples->agg.max : samples->agg.min + width * (bin + 1);
        uint32_t from = i;

        while (i < samples->count && (samples->kg[i] < to || bin == BINS - 1))
            i++;
        write_bin(json, samples->agg.min + width * bin, to, i - from);
    }
    farmiq_json_close(json, ']');
}
