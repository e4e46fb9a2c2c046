/* SPDX-License-Identifier: Apache-2.0 */
/* Weighing an animal by its outline from above: find it, measure its area and length,
 * and let weight follow from both (allometry: ln weight is linear in ln area and ln
 * length). What it cannot see, height and density, is in its error. */
#ifndef VISION_SILHOUETTE_H
#define VISION_SILHOUETTE_H

#include <farmiq/model.h>

/* What was found. Lengths and areas in pixels. */
struct silhouette {
    double area_px;
    double major_px, minor_px; /* axes of the ellipse with the same second moments */
    double contrast;           /* Otsu's: 0 nothing stands out .. 1 two flat tones */
    double fill;               /* area of that ellipse, over the area */
    double border;             /* part of the outline that lies on the picture's edge */
    double rest;               /* bright area outside it, over the area */
};

/* FARMIQ_OK; FARMIQ_UNDEFINED (nothing stands out); FARMIQ_E_NOMEM; FARMIQ_E_ARG. */
int silhouette_find(struct silhouette *out, const struct farmiq_picture *picture);

/* The numbers of one kind of animal under one kind of camera: ln kg from ln mm2 and ln
 * mm. tests/bench/calibrate_silhouette.c prints them. */
struct silhouette_rule {
    const char *species;
    double intercept, per_ln_area, per_ln_length;
    double least_kg, most_kg; /* where it was fitted */
    double smear;             /* turns the median of a logarithm's fit into the mean */
    double fill;              /* what an animal of this kind usually has */
};

extern const struct silhouette_rule silhouette_rules[]; /* ends with a zeroed entry */

/* NULL: no such species. */
const struct silhouette_rule *silhouette_rule_find(const char *species);
double silhouette_weight_kg(const struct silhouette_rule *rule,
                            const struct silhouette *found, double mm_per_px);
/* The chance that the weight is within a tenth of the truth, as it was measured. */
double silhouette_confidence(const struct silhouette_rule *rule,
                             const struct silhouette *found);

/* What confidence is reckoned from. */
#define SILHOUETTE_FEATURES 5
void silhouette_features(const struct silhouette_rule *rule,
                         const struct silhouette *found, double out[SILHOUETTE_FEATURES]);

#endif
