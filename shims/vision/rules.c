/* SPDX-License-Identifier: Apache-2.0 */
/* From measures to kilograms, and how far to believe them. Every number here was printed
 * by tests/bench/calibrate_silhouette.c. */
#include <math.h>
#include <string.h>

#include "vision/silhouette.h"

const struct silhouette_rule silhouette_rules[] = {
    { "broiler", -14.87764, 1.39314, 0.17190, 0.04, 4.5, 1.00034, 1.0143 },
    { "pig", -14.47787, 1.28245, 0.37979, 5, 140, 1.00034, 1.0167 },
    { 0 },
};

static const double confidence[] = { -4.776, 8.447, -4.620, -1.689, -1.139 };

const struct silhouette_rule *silhouette_rule_find(const char *species)
{
    for (const struct silhouette_rule *rule = silhouette_rules; rule->species; rule++)
        if (strcmp(rule->species, species) == 0)
            return rule;
    return NULL;
}

double silhouette_weight_kg(const struct silhouette_rule *rule,
                            const struct silhouette *found, double mm_per_px)
{
    double ln_area = log(found->area_px * mm_per_px * mm_per_px);
    double ln_length = log(found->major_px * mm_per_px);

    return rule->smear * exp(rule->intercept + rule->per_ln_area * ln_area +
                             rule->per_ln_length * ln_length);
}

void silhouette_features(const struct silhouette_rule *rule,
                         const struct silhouette *found, double out[SILHOUETTE_FEATURES])
{
    out[0] = 1;
    out[1] = found->contrast;
    out[2] = fmin(fabs(log(found->fill / rule->fill)) * 10, 3); /* an odd shape */
    out[3] = fmin(found->border * 10, 3);                       /* cut off */
    out[4] = fmin(found->rest * 10, 3);                         /* not alone */
}

double silhouette_confidence(const struct silhouette_rule *rule,
                             const struct silhouette *found)
{
    double features[SILHOUETTE_FEATURES], z = 0;

    silhouette_features(rule, found, features);
    for (int i = 0; i < SILHOUETTE_FEATURES; i++)
        z += confidence[i] * features[i];
    return 1 / (1 + exp(-z));
}
