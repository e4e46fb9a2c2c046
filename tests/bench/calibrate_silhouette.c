/* SPDX-License-Identifier: Apache-2.0 */
/* Where the numbers of shims/vision/rules.c come from: least squares over drawn animals
 * of known weight for the weight, logistic regression over troubled pictures for the
 * confidence. Prints both; the pictures of tests/kit/test_vision.c have other seeds.
 *
 *     calibrate_silhouette [PICTURES] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "vision/animal.h"
#include "vision/silhouette.h"

#define WIDTH 640
#define HEIGHT 480
#define FEATURES 5

struct sample {
    double weight_kg;
    struct silhouette found;
};

static const struct {
    int32_t species;
    const char *name;
    double least_kg, most_kg;
} kinds[] = { { ANIMAL_BROILER, "broiler", 0.04, 4.5 }, { ANIMAL_PIG, "pig", 5, 140 } };

static int draw(struct sample *out, int32_t species, double weight_kg, uint32_t troubles,
                uint64_t seed)
{
    static uint8_t rgb[3 * WIDTH * HEIGHT];
    struct animal_scene scene = { species, troubles, weight_kg, WIDTH, HEIGHT, seed };
    struct farmiq_picture picture = { .size = sizeof picture,
                                      .width_px = WIDTH,
                                      .height_px = HEIGHT,
                                      .stride_bytes = 3 * WIDTH,
                                      .pixels = rgb };

    out->weight_kg = weight_kg;
    animal_draw(&scene, rgb);
    return silhouette_find(&out->found, &picture);
}

/* Solve the normal equations by Gauss; `n` unknowns. */
static void solve(double a[FEATURES][FEATURES + 1], int n, double *x)
{
    for (int i = 0; i < n; i++) {
        for (int k = i + 1; k < n; k++) {
            double factor = a[k][i] / a[i][i];

            for (int j = i; j <= n; j++)
                a[k][j] -= factor * a[i][j];
        }
    }
    for (int i = n - 1; i >= 0; i--) {
        x[i] = a[i][n];
        for (int j = i + 1; j < n; j++)
            x[i] -= a[i][j] * x[j];
        x[i] /= a[i][i];
    }
}

static double weight_of(int kind, uint64_t seed)
{
    double u = (double)(seed * 2654435761u % 100003) / 100003;

    return kinds[kind].least_kg * pow(kinds[kind].most_kg / kinds[kind].least_kg, u);
}

static void fit_weight(int kind, int count)
{
    double mm = animal_mm_per_px(kinds[kind].species, WIDTH),
           a[FEATURES][FEATURES + 1] = { { 0 } };
    double c[3], smear = 0, error = 0, fill = 0;
    struct sample *samples = calloc((size_t)count, sizeof *samples);
    int used = 0;

    for (int i = 0; i < count; i++) {
        struct sample *s = &samples[used];
        double x[3] = { 1 };

        if (draw(s, kinds[kind].species, weight_of(kind, (uint64_t)i), 0,
                 1000000 + (uint64_t)i) != FARMIQ_OK)
            continue;
        x[1] = log(s->found.area_px * mm * mm);
        x[2] = log(s->found.major_px * mm);
        for (int r = 0; r < 3; r++) {
            for (int k = 0; k < 3; k++)
                a[r][k] += x[r] * x[k];
            a[r][3] += x[r] * log(s->weight_kg);
        }
        used++;
    }
    solve(a, 3, c);
    for (int i = 0; i < used; i++) {
        struct sample *s = &samples[i];
        double guess = exp(c[0] + c[1] * log(s->found.area_px * mm * mm) +
                           c[2] * log(s->found.major_px * mm));

        smear += s->weight_kg / guess;
        error += fabs(guess / s->weight_kg - 1);
        fill += s->found.fill;
    }
    printf("    { \"%s\", %.5f, %.5f, %.5f, %g, %g, %.5f, %.4f },\n", kinds[kind].name,
           c[0], c[1], c[2], kinds[kind].least_kg, kinds[kind].most_kg, smear / used,
           fill / used);
    printf("    /* %d of %d pictures, mean error %.2f %% */\n", used, count,
           100 * error / used);
    free(samples);
}

/* ## Confidence */

static int is_close(const struct sample *s, const struct silhouette_rule *rule, double mm)
{
    return fabs(silhouette_weight_kg(rule, &s->found, mm) / s->weight_kg - 1) <= 0.1;
}

static void fit_confidence(int count)
{
    double(*x)[SILHOUETTE_FEATURES] = calloc((size_t)count, sizeof *x);
    int *y = calloc((size_t)count, sizeof *y), used = 0, close = 0;
    double k[SILHOUETTE_FEATURES] = { 0 };

    for (int i = 0; i < count; i++) {
        int kind = i % 2;
        const struct silhouette_rule *rule = &silhouette_rules[kind];
        struct sample s;

        if (draw(&s, kinds[kind].species, weight_of(kind, (uint64_t)i * 7),
                 i / 2 % 2 ? 0 : (uint32_t)(i / 4) % 16,
                 2000000 + (uint64_t)i) != FARMIQ_OK)
            continue;
        y[used] = is_close(&s, rule, animal_mm_per_px(kinds[kind].species, WIDTH));
        silhouette_features(rule, &s.found, x[used]);
        close += y[used++];
    }
    for (int step = 0; step < 20000; step++) {
        double gradient[SILHOUETTE_FEATURES] = { 0 };

        for (int i = 0; i < used; i++) {
            double z = 0;

            for (int f = 0; f < SILHOUETTE_FEATURES; f++)
                z += k[f] * x[i][f];
            for (int f = 0; f < SILHOUETTE_FEATURES; f++)
                gradient[f] += (y[i] - 1 / (1 + exp(-z))) * x[i][f];
        }
        for (int f = 0; f < SILHOUETTE_FEATURES; f++)
            k[f] += 2 * gradient[f] / used - 0.00005 * k[f];
    }
    printf("static const double confidence[] = {");
    for (int f = 0; f < SILHOUETTE_FEATURES; f++)
        printf(" %.3f%s", k[f], f + 1 < SILHOUETTE_FEATURES ? "," : " };\n");
    printf("/* %d of %d found, of those %d within a tenth */\n", used, count, close);
    free(x);
    free(y);
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 400;

    for (int kind = 0; kind < 2; kind++)
        fit_weight(kind, count);
    fit_confidence(2 * count);
    return 0;
}
