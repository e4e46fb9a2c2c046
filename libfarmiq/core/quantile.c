/* SPDX-License-Identifier: Apache-2.0 */
/* Quantiles: exact on sorted values, DDSketch on a stream. */
#include <farmiq/quantile.h>

#include <float.h>
#include <string.h>

#include "number.h"

/* Bounds grow by gamma = (1 + a) / (1 - a); the value 2 g^i / (g + 1) is then
 * within the share a of everything in (g^(i-1), g^i]. */
#define ACCURACY 0.01
#define GAMMA ((1 + ACCURACY) / (1 - ACCURACY))

/* Shifts the index of every positive double, subnormals included, above zero, so
 * that negative values can mirror it and keys order as the values do. */
#define KEY_SHIFT 40000

struct bin {
    int32_t key; /* 0: the value zero; negative: a negative value */
    uint32_t reserved;
    uint64_t count;
};

struct farmiq_sketch {
    uint64_t count;
    double min;
    double max;
    uint32_t capacity; /* bins */
    uint32_t used;     /* bins in use, in ascending order; 0 while exact */
    uint32_t collapsed;
    uint32_t reserved;
    double exact[FARMIQ_SKETCH_EXACT]; /* ascending, while count <= 256 */
    struct bin bins[];
};

/* --- Exact ---------------------------------------------------------------- */

/* Where the p-quantile of n values lies: between two neighbours. */
struct place {
    uint64_t below;
    uint64_t above;
    double share; /* of the way from below to above */
};

static struct place place_of(uint64_t n, double p)
{
    double rank = p * (double)(n - 1);
    struct place place = { (uint64_t)floor(rank), (uint64_t)ceil(rank),
                           rank - floor(rank) };

    return place;
}

static double between(double below, double above, double share)
{
    return below + share * (above - below);
}

static int is_probability(double p) { return p >= 0 && p <= 1; }

static int ascends(const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i]) || (i > 0 && values[i] < values[i - 1]))
            return 0;
    return 1;
}

int farmiq_quantile_sorted(const double *ascending, size_t n, double p, double *value)
{
    struct place place;

    if (!value || (!ascending && n > 0))
        return FARMIQ_E_ARG;
    if (!is_probability(p) || !ascends(ascending, n))
        return FARMIQ_E_RANGE;
    if (n == 0)
        return FARMIQ_UNDEFINED;
    place = place_of(n, p);
    return farmiq__answer(
        between(ascending[place.below], ascending[place.above], place.share), 0, value,
        NULL);
}

/* --- Bins ----------------------------------------------------------------- */

static int32_t key_of(double value)
{
    int32_t index;

    if (value == 0)
        return 0;
    index = (int32_t)ceil(log(fabs(value)) / log(GAMMA)) + KEY_SHIFT;
    return value > 0 ? index : -index;
}

/* The bound of a bin that is farther from zero. The last bin's would lie beyond
 * what a double can hold. */
static double outer_bound_of(int32_t key)
{
    double magnitude;

    if (key == 0)
        return 0;
    magnitude = fmin(DBL_MAX, exp(((key > 0 ? key : -key) - KEY_SHIFT) * log(GAMMA)));
    return key > 0 ? magnitude : -magnitude;
}

static double middle_of(int32_t key) { return outer_bound_of(key) * (1 - ACCURACY); }

/* The first bin whose key is not below `key`. */
static uint32_t position_of(const struct farmiq_sketch *sketch, int32_t key)
{
    uint32_t low = 0, high = sketch->used;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (sketch->bins[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert_bin(struct farmiq_sketch *sketch, uint32_t at, int32_t key,
                       uint64_t count)
{
    struct bin bin = { key, 0, count };

    memmove(sketch->bins + at + 1, sketch->bins + at,
            (sketch->used - at) * sizeof *sketch->bins);
    sketch->bins[at] = bin;
    sketch->used++;
}

/* Put a bin into a full sketch: the lowest one goes, and what it held falls into
 * the lowest that is left. Which bins are left depends on the set of keys alone,
 * the highest `capacity` of them, and not on the order in which they came: that
 * is what makes merging order-free. */
static void squeeze_bin(struct farmiq_sketch *sketch, uint32_t at, int32_t key,
                        uint64_t count)
{
    struct bin bin = { key, 0, count };
    uint64_t lost = sketch->bins[0].count;

    memmove(sketch->bins, sketch->bins + 1, (at - 1) * sizeof *sketch->bins);
    sketch->bins[at - 1] = bin;
    sketch->bins[0].count += lost;
    sketch->collapsed = 1;
}

static void pour(struct farmiq_sketch *sketch, int32_t key, uint64_t count)
{
    uint32_t at = position_of(sketch, key);

    if (at < sketch->used && sketch->bins[at].key == key) {
        sketch->bins[at].count += count;
        return;
    }
    if (sketch->used < sketch->capacity) {
        insert_bin(sketch, at, key, count);
        return;
    }
    if (at == 0) { /* below everything a full sketch can tell apart */
        sketch->bins[0].count += count;
        sketch->collapsed = 1;
        return;
    }
    squeeze_bin(sketch, at, key, count);
}

/* --- Sketch --------------------------------------------------------------- */

static int is_exact(const struct farmiq_sketch *sketch) { return sketch->used == 0; }

size_t farmiq_sketch_bytes(uint32_t bins)
{
    if (bins < 2 || bins > FARMIQ_SKETCH_MAX_BINS)
        return 0;
    return sizeof(struct farmiq_sketch) + bins * sizeof(struct bin);
}

int farmiq_sketch_init(struct farmiq_sketch **out, void *memory, size_t bytes,
                       uint32_t bins)
{
    size_t need = farmiq_sketch_bytes(bins);

    if (!out || !memory || need == 0)
        return FARMIQ_E_ARG;
    if (bytes < need)
        return FARMIQ_E_NOSPACE;
    memset(memory, 0, need);
    *out = memory;
    (*out)->capacity = bins;
    return FARMIQ_OK;
}

static void spill(struct farmiq_sketch *sketch)
{
    for (uint64_t i = 0; i < sketch->count; i++)
        pour(sketch, key_of(sketch->exact[i]), 1);
}

static void keep_exact(struct farmiq_sketch *sketch, double value)
{
    uint64_t at = sketch->count;

    for (; at > 0 && sketch->exact[at - 1] > value; at--)
        sketch->exact[at] = sketch->exact[at - 1];
    sketch->exact[at] = value;
}

static void widen(struct farmiq_sketch *sketch, double min, double max)
{
    sketch->min = sketch->count ? fmin(sketch->min, min) : min;
    sketch->max = sketch->count ? fmax(sketch->max, max) : max;
}

int farmiq_sketch_add(struct farmiq_sketch *sketch, double value)
{
    if (!sketch)
        return FARMIQ_E_ARG;
    if (!isfinite(value) || sketch->count >= FARMIQ__COUNT_MAX)
        return FARMIQ_E_RANGE;
    value += 0.0; /* makes a zero of a negative zero */
    widen(sketch, value, value);
    if (sketch->count < FARMIQ_SKETCH_EXACT) {
        keep_exact(sketch, value);
    } else {
        if (is_exact(sketch))
            spill(sketch);
        pour(sketch, key_of(value), 1);
    }
    sketch->count++;
    return FARMIQ_OK;
}

static void merge_exact(struct farmiq_sketch *into, const struct farmiq_sketch *other)
{
    for (uint64_t i = 0; i < other->count; i++) {
        keep_exact(into, other->exact[i]);
        into->count++;
    }
}

static void merge_bins(struct farmiq_sketch *into, const struct farmiq_sketch *other)
{
    if (is_exact(into))
        spill(into);
    if (is_exact(other))
        for (uint64_t i = 0; i < other->count; i++)
            pour(into, key_of(other->exact[i]), 1);
    for (uint32_t i = 0; i < other->used; i++)
        pour(into, other->bins[i].key, other->bins[i].count);
    into->collapsed |= other->collapsed;
    into->count += other->count;
}

int farmiq_sketch_merge(struct farmiq_sketch *into, const struct farmiq_sketch *other)
{
    if (!into || !other || into == other || into->capacity != other->capacity)
        return FARMIQ_E_ARG;
    if (other->count > FARMIQ__COUNT_MAX - into->count)
        return FARMIQ_E_RANGE;
    if (other->count == 0)
        return FARMIQ_OK;
    widen(into, other->min, other->max);
    if (into->count + other->count <= FARMIQ_SKETCH_EXACT)
        merge_exact(into, other);
    else
        merge_bins(into, other);
    return FARMIQ_OK;
}

uint64_t farmiq_sketch_count(const struct farmiq_sketch *sketch)
{
    return sketch ? sketch->count : 0;
}

/* --- Answers -------------------------------------------------------------- */

struct estimate {
    double value;
    double error;
};

static double cut(const struct farmiq_sketch *sketch, double value)
{
    return fmax(sketch->min, fmin(sketch->max, value));
}

/* What a bin says of each of its values. The lowest bin, once others were poured
 * into it, may hold anything down to the minimum. */
static struct estimate estimate_of_bin(const struct farmiq_sketch *sketch, uint32_t i)
{
    int32_t key = sketch->bins[i].key;
    struct estimate e = { cut(sketch, middle_of(key)),
                          fabs(outer_bound_of(key)) * ACCURACY };

    if (i == 0 && sketch->collapsed)
        e.error = fmax(e.error, e.value - sketch->min);
    return e;
}

static struct estimate estimate_at(const struct farmiq_sketch *sketch, uint64_t rank)
{
    uint64_t passed = 0;
    uint32_t i = 0;
    struct estimate lowest = { sketch->min, 0 }, highest = { sketch->max, 0 };

    if (rank == 0)
        return lowest;
    if (rank == sketch->count - 1)
        return highest;
    while (passed + sketch->bins[i].count <= rank)
        passed += sketch->bins[i++].count;
    return estimate_of_bin(sketch, i);
}

static struct estimate exact_at(const struct farmiq_sketch *sketch, uint64_t rank)
{
    struct estimate e = { sketch->exact[rank], 0 };

    return e;
}

int farmiq_sketch_quantile(const struct farmiq_sketch *sketch, double p, double *value,
                           double *error_bound)
{
    struct estimate (*at)(const struct farmiq_sketch *, uint64_t);
    struct estimate below, above;
    struct place place;
    int r;

    if (!sketch || !value)
        return FARMIQ_E_ARG;
    if (!is_probability(p))
        return FARMIQ_E_RANGE;
    if (sketch->count == 0)
        return FARMIQ_UNDEFINED;
    at = is_exact(sketch) ? exact_at : estimate_at;
    place = place_of(sketch->count, p);
    below = at(sketch, place.below);
    above = at(sketch, place.above);
    r = farmiq__answer(between(below.value, above.value, place.share), 0, value, NULL);
    if (r == FARMIQ_OK && error_bound)
        *error_bound = between(below.error, above.error, place.share);
    return r;
}

int farmiq_sketch_equal(const struct farmiq_sketch *a, const struct farmiq_sketch *b)
{
    if (!a || !b || a->count != b->count || a->used != b->used || a->min != b->min ||
        a->max != b->max || a->collapsed != b->collapsed)
        return 0;
    if (is_exact(a))
        return memcmp(a->exact, b->exact, (size_t)a->count * sizeof *a->exact) == 0;
    return memcmp(a->bins, b->bins, a->used * sizeof *a->bins) == 0;
}
