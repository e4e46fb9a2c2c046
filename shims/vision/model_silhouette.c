/* SPDX-License-Identifier: Apache-2.0 */
/* The silhouette estimator as a plug-in. Its manifest says "species" and "mm_per_px". */
#include <stdio.h>
#include <string.h>

#include <farmiq/farmiq.h>
#include <farmiq/model.h>

#include "vision/silhouette.h"

#define SCRATCH_WORDS 1024

static int refuse(struct farmiq_error *error, const char *field, const char *why)
{
    if (error) {
        snprintf(error->field, sizeof error->field, "%s", field);
        snprintf(error->detail, sizeof error->detail, "%s", why);
    }
    return FARMIQ_E_SCHEMA;
}

/* The context is the rule for the species: it is constant, and nothing is allocated. */
static int open_model(void **ctx, const char *folder, struct farmiq_str manifest,
                      struct farmiq_error *error)
{
    struct farmiq_json_member member = { .name = "species" };
    int64_t scratch[SCRATCH_WORDS];
    char species[32] = "";

    (void)folder;
    if (farmiq_json_members(manifest.ptr, manifest.len, &member, 1, scratch,
                            sizeof scratch, error) != FARMIQ_OK ||
        member.type != FARMIQ_JSON_STRING || member.text.len >= sizeof species)
        return refuse(error, "species", "is missing");
    memcpy(species, member.text.ptr, member.text.len);
    *ctx = (void *)(uintptr_t)silhouette_rule_find(species);
    return *ctx ? FARMIQ_OK : refuse(error, "species", "must be broiler or pig");
}

static void explain(const struct silhouette_rule *rule, const struct silhouette *found,
                    double mm_per_px, struct farmiq_estimate *out)
{
    snprintf(out->metadata, sizeof out->metadata,
             "{\"species\":\"%s\",\"area_mm2\":%.0f,\"length_mm\":%.1f,"
             "\"width_mm\":%.1f,\"contrast\":%.3f,\"is_cut_off\":%s,"
             "\"is_in_range\":%s}",
             rule->species, found->area_px * mm_per_px * mm_per_px,
             found->major_px * mm_per_px, found->minor_px * mm_per_px, found->contrast,
             found->border > 0 ? "true" : "false",
             out->weight_kg >= rule->least_kg && out->weight_kg <= rule->most_kg
                 ? "true"
                 : "false");
}

static int estimate(void *ctx, const struct farmiq_picture *picture,
                    struct farmiq_estimate *out, struct farmiq_error *error)
{
    const struct silhouette_rule *rule = ctx;
    struct silhouette found;
    int r;

    if (!(picture->mm_per_px > 0))
        return refuse(error, "mm_per_px", "must be in the manifest");
    r = silhouette_find(&found, picture);
    if (r != FARMIQ_OK)
        return r;
    out->weight_kg = silhouette_weight_kg(rule, &found, picture->mm_per_px);
    out->confidence = silhouette_confidence(rule, &found);
    explain(rule, &found, picture->mm_per_px, out);
    return FARMIQ_OK;
}

static void close_model(void *ctx) { (void)ctx; }

static const struct farmiq_model model = { .size = sizeof model,
                                           .abi = FARMIQ_MODEL_ABI,
                                           .flags = FARMIQ_MODEL_WANTS_PIXELS,
                                           .name = "silhouette",
                                           .open = open_model,
                                           .estimate = estimate,
                                           .close = close_model };

FARMIQ_API const struct farmiq_model *farmiq_model_entry(void);
const struct farmiq_model *farmiq_model_entry(void) { return &model; }
