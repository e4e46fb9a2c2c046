/* SPDX-License-Identifier: Apache-2.0 */
/* Weighing sessions: spec edge 7.3, and item 5 of its checklist 14.1. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include <farmiq/error.h>
#include <farmiq/session.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define FACTS_MAX 16

/* One thing that happened. `id` names it, so that a re-delivery can be recognised; for
 * an image it names the medium, which several events may bind. */
struct fact {
    int32_t kind;
    int64_t at;
    double kg;
    uint32_t id;
};

#define CREATED_AT(at)                                                                   \
    {                                                                                    \
        FARMIQ_SESSION_EV_CREATED, at, 0, 0                                              \
    }
#define WEIGHT(id, at, kg)                                                               \
    {                                                                                    \
        FARMIQ_SESSION_EV_WEIGHT, at, kg, id                                             \
    }
#define IMAGE(id, at)                                                                    \
    {                                                                                    \
        FARMIQ_SESSION_EV_IMAGE, at, 0, id                                               \
    }
#define INFERENCE(at)                                                                    \
    {                                                                                    \
        FARMIQ_SESSION_EV_INFERENCE, at, 0, 0                                            \
    }
#define FINALIZED_AT(at)                                                                 \
    {                                                                                    \
        FARMIQ_SESSION_EV_FINALIZED, at, 0, 0                                            \
    }
#define CANCELLED_AT(at)                                                                 \
    {                                                                                    \
        FARMIQ_SESSION_EV_CANCELLED, at, 0, 0                                            \
    }
#define DECLARED_IMAGES 1

/* What a service is: a store with unique keys in front of the machine. */
struct farm {
    struct farmiq_session session;
    struct farmiq_session_event stored[FACTS_MAX];
    uint32_t stored_ids[FACTS_MAX];
    uint32_t stored_count;
    uint32_t replays;
};

static struct farm new_farm(void)
{
    struct farm farm;

    memset(&farm, 0, sizeof farm);
    farmiq_session_init(&farm.session, sizeof farm.session);
    return farm;
}

static int knows(const struct farm *farm, const struct fact *fact)
{
    for (uint32_t i = 0; i < farm->stored_count; i++)
        if (farm->stored[i].kind == fact->kind && farm->stored_ids[i] == fact->id)
            return 1;
    return 0;
}

static uint32_t images(const struct farm *farm)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < farm->stored_count; i++)
        count += farm->stored[i].kind == FARMIQ_SESSION_EV_IMAGE;
    return count;
}

static struct farmiq_session_event event_of(const struct farm *farm,
                                            const struct fact *fact)
{
    struct farmiq_session_event event;

    farmiq_session_event_init(&event, sizeof event);
    event.kind = fact->kind;
    event.occurred_at_unix_ms = fact->at;
    event.weight_kg = fact->kg;
    if (fact->kind == FARMIQ_SESSION_EV_FINALIZED)
        event.image_count = DECLARED_IMAGES;
    if (fact->kind == FARMIQ_SESSION_EV_IMAGE)
        event.image_count = images(farm) + (knows(farm, fact) ? 0 : 1);
    return event;
}

static int replay(struct farm *farm)
{
    for (uint32_t i = 0; i < farm->stored_count; i++)
        farm->stored[i].next = i + 1 < farm->stored_count ? &farm->stored[i + 1] : NULL;
    farm->replays++;
    return farmiq_session_replay(&farm->session,
                                 farm->stored_count ? farm->stored : NULL);
}

static int happen(struct farm *farm, struct fact fact)
{
    struct farmiq_session_event event = event_of(farm, &fact);
    int known = knows(farm, &fact), r;

    if (known && fact.kind == FARMIQ_SESSION_EV_WEIGHT)
        return FARMIQ_DUPLICATE; /* the unique key, as the header demands */
    r = farmiq_session_apply(&farm->session, &event);
    if (known || r < 0)
        return r;
    farm->stored_ids[farm->stored_count] = fact.id;
    farm->stored[farm->stored_count++] = event;
    return r == FARMIQ_UNDEFINED ? replay(farm) : r;
}

/* Every order of `facts`, by Heap's algorithm. */
static void each_order(struct fact *facts, uint32_t count, uint32_t n,
                       void (*visit)(const struct fact *facts, uint32_t count))
{
    if (n <= 1) {
        visit(facts, count);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t with = n % 2 ? 0 : i;
        struct fact held;

        each_order(facts, count, n - 1, visit);
        held = facts[with];
        facts[with] = facts[n - 1];
        facts[n - 1] = held;
    }
}

static struct farmiq_session expected;
static uint32_t visited, replayed;

static void visit_once(const struct fact *facts, uint32_t count)
{
    struct farm farm = new_farm();

    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(happen(&farm, facts[i]), FARMIQ_OK);
    assert_memory_equal(&farm.session, &expected, sizeof expected);
    visited++;
    replayed += farm.replays > 0;
}

/* Every fact comes again at once and everything comes again at the end. */
static void visit_with_repeats(const struct fact *facts, uint32_t count)
{
    struct farm farm = new_farm();

    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(happen(&farm, facts[i]), FARMIQ_OK);
        assert_in_range(happen(&farm, facts[i]), FARMIQ_OK, FARMIQ_UNCHANGED);
    }
    for (uint32_t i = 0; i < count; i++)
        assert_in_range(happen(&farm, facts[i]), FARMIQ_OK, FARMIQ_UNCHANGED);
    assert_memory_equal(&farm.session, &expected, sizeof expected);
}

static void assert_one_outcome(struct fact *facts, uint32_t count, uint32_t orders)
{
    visited = replayed = 0;
    each_order(facts, count, count, visit_once);
    assert_int_equal(visited, orders);
    each_order(facts, count, count, visit_with_repeats);
}

static void all_24_orders_of_a_plain_session_end_alike(void **state)
{
    struct fact facts[] = { CREATED_AT(1000), WEIGHT(1, 2000, 82.5), IMAGE(1, 2500),
                            FINALIZED_AT(3000) };

    (void)state;
    farmiq_session_init(&expected, sizeof expected);
    expected.state = FARMIQ_SESSION_FINALIZED;
    expected.start_at_unix_ms = 1000;
    expected.end_at_unix_ms = 3000;
    expected.initial_weight_kg = expected.final_weight_kg = 82.5;
    expected.initial_weight_at_unix_ms = expected.final_weight_at_unix_ms = 2000;
    expected.weight_count = expected.image_count = 1;
    expected.declared_image_count = DECLARED_IMAGES;
    assert_one_outcome(facts, COUNT(facts), 24);
    assert_int_equal(replayed, 0);
}

/* Three weights, two of one moment; two images; a weight at the very end and one after
 * it, which is late whether it comes before or after finalized. */
static void all_40320_orders_of_a_rich_session_end_alike(void **state)
{
    struct fact facts[] = { CREATED_AT(1000),      WEIGHT(1, 2000, 81.0),
                            WEIGHT(2, 2000, 80.0), WEIGHT(3, 3000, 90.0),
                            WEIGHT(4, 3001, 99.0), IMAGE(1, 2500),
                            IMAGE(2, 2600),        FINALIZED_AT(3000) };

    (void)state;
    farmiq_session_init(&expected, sizeof expected);
    expected.state = FARMIQ_SESSION_FINALIZED;
    expected.start_at_unix_ms = 1000;
    expected.end_at_unix_ms = 3000;
    expected.initial_weight_kg = 80.0;
    expected.initial_weight_at_unix_ms = 2000;
    expected.final_weight_kg = 90.0;
    expected.final_weight_at_unix_ms = 3000;
    expected.weight_count = 3;
    expected.late_weight_count = 1;
    expected.image_count = 2;
    expected.declared_image_count = DECLARED_IMAGES;
    expected.flags = FARMIQ_SESSION_LATE_WEIGHTS;
    assert_one_outcome(facts, COUNT(facts), 40320);
    assert_int_equal(replayed, 40320 / 2); /* late before finalized: half the orders */
}

static void all_orders_with_nothing_but_late_weights_end_alike(void **state)
{
    struct fact facts[] = { CREATED_AT(1000), WEIGHT(1, 3001, 81.0),
                            WEIGHT(2, 4000, 80.0), INFERENCE(3500), FINALIZED_AT(3000) };

    (void)state;
    farmiq_session_init(&expected, sizeof expected);
    expected.state = FARMIQ_SESSION_FINALIZED;
    expected.start_at_unix_ms = 1000;
    expected.end_at_unix_ms = 3000;
    expected.late_weight_count = 2;
    expected.declared_image_count = DECLARED_IMAGES;
    expected.flags = FARMIQ_SESSION_LATE_WEIGHTS;
    assert_one_outcome(facts, COUNT(facts), 120);
}

static struct farm farm_after(const struct fact *facts, size_t count)
{
    struct farm farm = new_farm();

    for (size_t i = 0; i < count; i++)
        assert_int_equal(happen(&farm, facts[i]), FARMIQ_OK);
    return farm;
}

#define FARM_AFTER(...)                                                                  \
    farm_after((const struct fact[]){ __VA_ARGS__ },                                     \
               COUNT(((const struct fact[]){ __VA_ARGS__ })))

static int happens(struct farm *farm, int32_t kind, int64_t at)
{
    return happen(farm, (struct fact){ kind, at, 50.0, 99 });
}

static void finalized_before_created_is_remembered(void **state)
{
    struct farm farm = FARM_AFTER(FINALIZED_AT(3000));

    (void)state;
    assert_int_equal(farm.session.state, FARMIQ_SESSION_AWAITING);
    assert_int_equal(farm.session.end_at_unix_ms, 3000);
    assert_int_equal(happens(&farm, FARMIQ_SESSION_EV_FINALIZED, 3000), FARMIQ_UNCHANGED);
    assert_int_equal(happens(&farm, FARMIQ_SESSION_EV_CREATED, 1000), FARMIQ_OK);
    assert_int_equal(farm.session.state, FARMIQ_SESSION_FINALIZED);
    assert_int_equal(farm.session.start_at_unix_ms, 1000);
    assert_int_equal(farm.session.end_at_unix_ms, 3000);
}

static void weights_keep_the_earliest_and_the_latest(void **state)
{
    struct farm farm = FARM_AFTER(WEIGHT(1, 2000, 80.0));

    (void)state;
    assert_int_equal(happen(&farm, (struct fact)WEIGHT(2, 3000, 85.0)), FARMIQ_OK);
    assert_int_equal(happen(&farm, (struct fact)WEIGHT(3, 1000, 75.0)), FARMIQ_OK);
    assert_int_equal(happen(&farm, (struct fact)WEIGHT(4, 2500, 99.0)), FARMIQ_OK);
    assert_true(farm.session.initial_weight_kg == 75.0);
    assert_int_equal(farm.session.initial_weight_at_unix_ms, 1000);
    assert_true(farm.session.final_weight_kg == 85.0);
    assert_int_equal(farm.session.final_weight_at_unix_ms, 3000);
    assert_int_equal(farm.session.weight_count, 4);
}

static void of_one_moment_the_smaller_weight_is_earlier(void **state)
{
    struct farm farm =
        FARM_AFTER(WEIGHT(1, 0, 80.0), WEIGHT(2, 0, 70.0), WEIGHT(3, 0, 90.0));

    (void)state;
    assert_true(farm.session.initial_weight_kg == 70.0);
    assert_true(farm.session.final_weight_kg == 90.0);
    assert_int_equal(farm.session.final_weight_at_unix_ms, 0);
}

/* Spec edge 13-G8: absurd weights are refused, and leave no trace. */
static void weights_lie_above_0_and_up_to_5000_kg(void **state)
{
    static const double bad[] = { 0.0, -0.0, -1.0, 5000.0001, HUGE_VAL, -HUGE_VAL, NAN };
    struct farm farm = FARM_AFTER(CREATED_AT(1));
    struct farmiq_session before = farm.session;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(happen(&farm, (struct fact)WEIGHT(1, 2, bad[i])),
                         FARMIQ_E_RANGE);
    assert_memory_equal(&farm.session, &before, sizeof before);
    assert_int_equal(happen(&farm, (struct fact)WEIGHT(2, 2, 5000.0)), FARMIQ_OK);
    assert_int_equal(happen(&farm, (struct fact)WEIGHT(3, 2, 4.9e-324)), FARMIQ_OK);
}

static void times_are_not_negative(void **state)
{
    struct farm farm = new_farm();
    struct farmiq_session before = farm.session;

    (void)state;
    for (int32_t kind = FARMIQ_SESSION_EV_CREATED; kind <= FARMIQ_SESSION_EV_FINALIZED;
         kind++)
        assert_int_equal(happens(&farm, kind, -1), FARMIQ_E_RANGE);
    assert_memory_equal(&farm.session, &before, sizeof before);
}

static void late_weights_do_not_change_the_outcome(void **state)
{
    struct farm farm =
        FARM_AFTER(CREATED_AT(1000), WEIGHT(1, 2000, 80.0), FINALIZED_AT(3000));

    (void)state;
    assert_int_equal(happen(&farm, (struct fact)WEIGHT(2, 3001, 99.0)), FARMIQ_OK);
    assert_true(farm.session.final_weight_kg == 80.0);
    assert_int_equal(farm.session.weight_count, 1);
    assert_int_equal(farm.session.late_weight_count, 1);
    assert_int_equal(farm.session.flags, FARMIQ_SESSION_LATE_WEIGHTS);
    assert_int_equal(happen(&farm, (struct fact)WEIGHT(3, 3000, 85.0)), FARMIQ_OK);
    assert_true(farm.session.final_weight_kg == 85.0);
    assert_int_equal(farm.session.late_weight_count, 1);
}

/* Only the store knows what the scale showed at the end, if later weights came first. */
static void an_end_before_known_weights_asks_for_a_replay(void **state)
{
    struct farm farm =
        FARM_AFTER(CREATED_AT(1000), WEIGHT(1, 2000, 80.0), WEIGHT(2, 4000, 90.0));
    struct fact finalized = FINALIZED_AT(3000);
    struct farmiq_session_event event = event_of(&farm, &finalized);
    struct farmiq_session before = farm.session;

    (void)state;
    assert_int_equal(farmiq_session_apply(&farm.session, &event), FARMIQ_UNDEFINED);
    assert_memory_equal(&farm.session, &before, sizeof before);
    assert_int_equal(happen(&farm, finalized), FARMIQ_OK);
    assert_int_equal(farm.replays, 1);
    assert_int_equal(farm.session.state, FARMIQ_SESSION_FINALIZED);
    assert_true(farm.session.final_weight_kg == 80.0);
    assert_int_equal(farm.session.weight_count, 1);
    assert_int_equal(farm.session.late_weight_count, 1);
}

static void replay_starts_from_nothing_and_may_do_nothing(void **state)
{
    struct farm farm = FARM_AFTER(CREATED_AT(1000), WEIGHT(1, 2000, 80.0));
    struct farmiq_session fresh;

    (void)state;
    farmiq_session_init(&fresh, sizeof fresh);
    assert_int_equal(farmiq_session_replay(&farm.session, NULL), FARMIQ_OK);
    assert_memory_equal(&farm.session, &fresh, sizeof fresh);
}

/* A caller newer than the library: its struct is longer and stays so. */
static void replay_keeps_the_size_of_the_struct(void **state)
{
    struct {
        struct farmiq_session session;
        uint64_t newer;
    } caller = { .newer = 77 };

    (void)state;
    caller.session.size = sizeof caller;
    assert_int_equal(farmiq_session_replay(&caller.session, NULL), FARMIQ_OK);
    assert_int_equal(caller.session.size, sizeof caller);
    assert_int_equal(caller.newer, 77);
}

static void replay_takes_a_cancellation_last(void **state)
{
    struct farm farm = FARM_AFTER(CREATED_AT(1000), CANCELLED_AT(5000));

    (void)state;
    farm.stored[2] = farm.stored[0]; /* cancelled, then weight, then created */
    farm.stored[0] = farm.stored[1];
    farmiq_session_event_init(&farm.stored[1], sizeof farm.stored[1]);
    farm.stored[1].kind = FARMIQ_SESSION_EV_WEIGHT;
    farm.stored[1].weight_kg = 7;
    farm.stored_count = 3;
    assert_int_equal(replay(&farm), FARMIQ_OK);
    assert_int_equal(farm.session.state, FARMIQ_SESSION_CANCELLED);
    assert_int_equal(farm.session.end_at_unix_ms, 5000);
    assert_int_equal(farm.session.weight_count, 1);
}

static void replay_of_an_impossible_history_changes_nothing(void **state)
{
    struct farm farm = FARM_AFTER(CREATED_AT(1000), CANCELLED_AT(5000));
    struct farmiq_session before = farm.session;
    struct fact finalized = FINALIZED_AT(3000);

    (void)state;
    farm.stored[farm.stored_count++] = event_of(&farm, &finalized);
    assert_int_equal(replay(&farm), FARMIQ_E_STATE);
    assert_memory_equal(&farm.session, &before, sizeof before);
    farm.stored[0].occurred_at_unix_ms = -1;
    assert_int_equal(replay(&farm), FARMIQ_E_RANGE);
    assert_int_equal(farmiq_session_replay(NULL, farm.stored), FARMIQ_E_ARG);
}

/* Spec edge 7.3: counted from the bindings, never incremented blindly (13-G4). */
static void images_are_counted_by_their_bindings(void **state)
{
    struct farm farm = FARM_AFTER(IMAGE(1, 10), IMAGE(2, 20));
    struct farmiq_session_event event;

    (void)state;
    assert_int_equal(farm.session.image_count, 2);
    assert_int_equal(happen(&farm, (struct fact)IMAGE(1, 30)), FARMIQ_UNCHANGED);
    assert_int_equal(happen(&farm, (struct fact)IMAGE(2, 30)), FARMIQ_UNCHANGED);
    assert_int_equal(farm.session.image_count, 2);
    farmiq_session_event_init(&event, sizeof event);
    event.kind = FARMIQ_SESSION_EV_IMAGE;
    assert_int_equal(farmiq_session_apply(&farm.session, &event), FARMIQ_E_ARG);
    event.image_count = 5; /* counted when three more had been bound at once */
    assert_int_equal(farmiq_session_apply(&farm.session, &event), FARMIQ_OK);
    assert_int_equal(farm.session.image_count, 5);
}

static void repeats_agree_or_are_conflicts(void **state)
{
    struct farm farm = FARM_AFTER(CREATED_AT(1000), FINALIZED_AT(3000));
    struct farmiq_session before = farm.session;
    struct farmiq_session_event event;

    (void)state;
    assert_int_equal(happens(&farm, FARMIQ_SESSION_EV_CREATED, 1000), FARMIQ_UNCHANGED);
    assert_int_equal(happens(&farm, FARMIQ_SESSION_EV_CREATED, 1001), FARMIQ_CONFLICT);
    assert_int_equal(happens(&farm, FARMIQ_SESSION_EV_FINALIZED, 3000), FARMIQ_UNCHANGED);
    assert_int_equal(happens(&farm, FARMIQ_SESSION_EV_FINALIZED, 2999), FARMIQ_CONFLICT);
    farmiq_session_event_init(&event, sizeof event);
    event.kind = FARMIQ_SESSION_EV_FINALIZED;
    event.occurred_at_unix_ms = 3000;
    event.image_count = DECLARED_IMAGES + 1;
    assert_int_equal(farmiq_session_apply(&farm.session, &event), FARMIQ_CONFLICT);
    assert_memory_equal(&farm.session, &before, sizeof before);
}

static void cancellation_is_explicit_and_final(void **state)
{
    struct farm farm =
        FARM_AFTER(CREATED_AT(1000), WEIGHT(1, 2000, 80.0), CANCELLED_AT(2500));
    struct farmiq_session before = farm.session;

    (void)state;
    assert_int_equal(farm.session.state, FARMIQ_SESSION_CANCELLED);
    assert_int_equal(farm.session.end_at_unix_ms, 2500);
    assert_int_equal(happens(&farm, FARMIQ_SESSION_EV_CANCELLED, 2500), FARMIQ_UNCHANGED);
    assert_int_equal(happens(&farm, FARMIQ_SESSION_EV_CANCELLED, 2501), FARMIQ_CONFLICT);
    assert_int_equal(happens(&farm, FARMIQ_SESSION_EV_CREATED, 1000), FARMIQ_UNCHANGED);
    assert_int_equal(happens(&farm, FARMIQ_SESSION_EV_WEIGHT, 2000), FARMIQ_E_STATE);
    assert_int_equal(happens(&farm, FARMIQ_SESSION_EV_IMAGE, 2000), FARMIQ_E_STATE);
    assert_int_equal(happens(&farm, FARMIQ_SESSION_EV_INFERENCE, 2000), FARMIQ_E_STATE);
    assert_int_equal(happens(&farm, FARMIQ_SESSION_EV_FINALIZED, 3000), FARMIQ_E_STATE);
    assert_memory_equal(&farm.session, &before, sizeof before);
}

#define ON(kind) (UINT32_C(1) << FARMIQ_SESSION_EV_##kind)
#define FACTS (ON(CREATED) | ON(WEIGHT) | ON(IMAGE) | ON(INFERENCE) | ON(FINALIZED))

static void the_table_says_what_each_state_accepts(void **state)
{
    (void)state;
    assert_int_equal(farmiq_session_accepts(FARMIQ_SESSION_NEW), FACTS);
    assert_int_equal(farmiq_session_accepts(FARMIQ_SESSION_AWAITING), FACTS);
    assert_int_equal(farmiq_session_accepts(FARMIQ_SESSION_CREATED),
                     FACTS | ON(CANCELLED));
    assert_int_equal(farmiq_session_accepts(FARMIQ_SESSION_FINALIZED), FACTS);
    assert_int_equal(farmiq_session_accepts(FARMIQ_SESSION_CANCELLED),
                     ON(CREATED) | ON(CANCELLED));
    assert_int_equal(farmiq_session_accepts(-1), 0);
    assert_int_equal(farmiq_session_accepts(FARMIQ_SESSION_AWAITING + 1), 0);
}

static struct farm farm_in(int32_t state)
{
    switch (state) {
    case FARMIQ_SESSION_NEW:
        return new_farm();
    case FARMIQ_SESSION_CREATED:
        return FARM_AFTER(CREATED_AT(1000));
    case FARMIQ_SESSION_FINALIZED:
        return FARM_AFTER(CREATED_AT(1000), FINALIZED_AT(3000));
    case FARMIQ_SESSION_CANCELLED:
        return FARM_AFTER(CREATED_AT(1000), CANCELLED_AT(3000));
    default:
        return FARM_AFTER(FINALIZED_AT(3000));
    }
}

static void the_machine_obeys_its_table(void **state)
{
    (void)state;
    for (int32_t s = FARMIQ_SESSION_NEW; s <= FARMIQ_SESSION_AWAITING; s++)
        for (int32_t kind = FARMIQ_SESSION_EV_CREATED;
             kind <= FARMIQ_SESSION_EV_CANCELLED; kind++) {
            struct farm farm = farm_in(s);
            int accepted = (farmiq_session_accepts(s) >> kind & 1) != 0;

            assert_int_equal(farm.session.state, s);
            assert_int_equal(happens(&farm, kind, 2000) != FARMIQ_E_STATE, accepted);
        }
}

/* Spec edge 7.3, completeness: flagged once, cleared by a later image. */
static void a_session_without_image_is_flagged_once(void **state)
{
    struct farm farm = FARM_AFTER(CREATED_AT(1000));
    const int64_t limit_ms = FARMIQ_SESSION_IMAGE_LIMIT_MS;

    (void)state;
    assert_int_equal(farmiq_session_sweep(&farm.session, 1000 + limit_ms, limit_ms),
                     FARMIQ_UNCHANGED);
    assert_int_equal(farm.session.flags, 0);
    assert_int_equal(farmiq_session_sweep(&farm.session, 1001 + limit_ms, limit_ms),
                     FARMIQ_OK);
    assert_int_equal(farm.session.flags, FARMIQ_SESSION_INCOMPLETE);
    assert_int_equal(farmiq_session_sweep(&farm.session, 9999 + limit_ms, limit_ms),
                     FARMIQ_UNCHANGED);
    assert_int_equal(happen(&farm, (struct fact)IMAGE(1, 5000)), FARMIQ_OK);
    assert_int_equal(farm.session.flags, 0);
    assert_int_equal(farmiq_session_sweep(&farm.session, 9999 + limit_ms, limit_ms),
                     FARMIQ_UNCHANGED);
}

static void only_created_sessions_are_swept(void **state)
{
    (void)state;
    for (int32_t s = FARMIQ_SESSION_NEW; s <= FARMIQ_SESSION_AWAITING; s++) {
        struct farm farm = farm_in(s);
        int swept = s == FARMIQ_SESSION_CREATED || s == FARMIQ_SESSION_FINALIZED;

        assert_int_equal(farmiq_session_sweep(&farm.session, INT64_MAX, 0),
                         swept ? FARMIQ_OK : FARMIQ_UNCHANGED);
        assert_int_equal(farm.session.flags, swept ? FARMIQ_SESSION_INCOMPLETE : 0);
    }
}

static void the_flag_survives_a_replay_unless_there_is_an_image(void **state)
{
    struct farm farm = FARM_AFTER(CREATED_AT(1000), WEIGHT(1, 4000, 80.0));

    (void)state;
    assert_int_equal(farmiq_session_sweep(&farm.session, 9999, 1), FARMIQ_OK);
    assert_int_equal(happen(&farm, (struct fact)FINALIZED_AT(3000)), FARMIQ_OK);
    assert_int_equal(farm.replays, 1);
    assert_int_equal(farm.session.flags,
                     FARMIQ_SESSION_INCOMPLETE | FARMIQ_SESSION_LATE_WEIGHTS);
    assert_int_equal(happen(&farm, (struct fact)WEIGHT(2, 4500, 81.0)), FARMIQ_OK);
    assert_int_equal(farm.session.flags,
                     FARMIQ_SESSION_INCOMPLETE | FARMIQ_SESSION_LATE_WEIGHTS);
    assert_int_equal(happen(&farm, (struct fact)IMAGE(1, 5000)), FARMIQ_OK);
    farm.session.flags |= FARMIQ_SESSION_INCOMPLETE;
    assert_int_equal(replay(&farm), FARMIQ_OK);
    assert_int_equal(farm.session.flags, FARMIQ_SESSION_LATE_WEIGHTS);
}

static void a_valid_session_has_all_four(void **state)
{
    static const struct fact facts[] = { CREATED_AT(1000), WEIGHT(1, 2000, 80.0),
                                         IMAGE(1, 2500), FINALIZED_AT(3000) };

    (void)state;
    for (unsigned present = 0; present < 16; present++) {
        struct farm farm = new_farm();

        for (unsigned i = 0; i < 4; i++)
            if (present >> i & 1)
                assert_int_equal(happen(&farm, facts[i]), FARMIQ_OK);
        assert_int_equal(farmiq_session_is_complete(&farm.session), present == 15);
    }
    assert_int_equal(farmiq_session_is_complete(NULL), 0);
}

static void null_and_unsound_structs_are_argument_errors(void **state)
{
    struct farm farm = FARM_AFTER(CREATED_AT(1000));
    struct fact fact = WEIGHT(1, 1, 1.0);
    struct farmiq_session_event event = event_of(&farm, &fact);

    (void)state;
    assert_int_equal(farmiq_session_apply(NULL, &event), FARMIQ_E_ARG);
    assert_int_equal(farmiq_session_apply(&farm.session, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_session_sweep(NULL, 0, 0), FARMIQ_E_ARG);
    assert_int_equal(farmiq_session_sweep(&farm.session, -1, 0), FARMIQ_E_ARG);
    assert_int_equal(farmiq_session_sweep(&farm.session, 0, 0), FARMIQ_UNCHANGED);
    assert_int_equal(farmiq_session_sweep(&farm.session, 0, -1), FARMIQ_E_ARG);
    event.kind = 0;
    assert_int_equal(farmiq_session_apply(&farm.session, &event), FARMIQ_E_ARG);
    event.kind = FARMIQ_SESSION_EV_CANCELLED + 1;
    assert_int_equal(farmiq_session_apply(&farm.session, &event), FARMIQ_E_ARG);
    event.kind = FARMIQ_SESSION_EV_WEIGHT;
    event.size--;
    assert_int_equal(farmiq_session_apply(&farm.session, &event), FARMIQ_E_ARG);
    event.size++;
    farm.session.state = -1;
    assert_int_equal(farmiq_session_apply(&farm.session, &event), FARMIQ_E_ARG);
    farm.session.state = FARMIQ_SESSION_AWAITING + 1;
    assert_int_equal(farmiq_session_apply(&farm.session, &event), FARMIQ_E_ARG);
    farm.session.state = FARMIQ_SESSION_CREATED;
    assert_int_equal(farmiq_session_apply(&farm.session, &event), FARMIQ_OK);
    farm.session.size--;
    assert_int_equal(farmiq_session_apply(&farm.session, &event), FARMIQ_E_ARG);
    assert_int_equal(farmiq_session_replay(&farm.session, NULL), FARMIQ_E_ARG);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_24_orders_of_a_plain_session_end_alike),
        cmocka_unit_test(all_40320_orders_of_a_rich_session_end_alike),
        cmocka_unit_test(all_orders_with_nothing_but_late_weights_end_alike),
        cmocka_unit_test(finalized_before_created_is_remembered),
        cmocka_unit_test(weights_keep_the_earliest_and_the_latest),
        cmocka_unit_test(of_one_moment_the_smaller_weight_is_earlier),
        cmocka_unit_test(weights_lie_above_0_and_up_to_5000_kg),
        cmocka_unit_test(times_are_not_negative),
        cmocka_unit_test(late_weights_do_not_change_the_outcome),
        cmocka_unit_test(an_end_before_known_weights_asks_for_a_replay),
        cmocka_unit_test(replay_starts_from_nothing_and_may_do_nothing),
        cmocka_unit_test(replay_keeps_the_size_of_the_struct),
        cmocka_unit_test(replay_takes_a_cancellation_last),
        cmocka_unit_test(replay_of_an_impossible_history_changes_nothing),
        cmocka_unit_test(images_are_counted_by_their_bindings),
        cmocka_unit_test(repeats_agree_or_are_conflicts),
        cmocka_unit_test(cancellation_is_explicit_and_final),
        cmocka_unit_test(the_table_says_what_each_state_accepts),
        cmocka_unit_test(the_machine_obeys_its_table),
        cmocka_unit_test(a_session_without_image_is_flagged_once),
        cmocka_unit_test(only_created_sessions_are_swept),
        cmocka_unit_test(the_flag_survives_a_replay_unless_there_is_an_image),
        cmocka_unit_test(a_valid_session_has_all_four),
        cmocka_unit_test(null_and_unsound_structs_are_argument_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
