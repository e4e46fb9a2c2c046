/* SPDX-License-Identifier: Apache-2.0 */
/* Units: legal factors, and what does not convert. */
#include <farmiq/kpi.h>

#include "numbers.h"

static void units_have_their_legal_factors(void **state)
{
    static const struct {
        double value;
        uint32_t from, to;
        double expected;
    } rows[] = {
        { 1, FARMIQ_UNIT_LB, FARMIQ_UNIT_KG, 0.45359237 },
        { 16, FARMIQ_UNIT_OZ, FARMIQ_UNIT_LB, 1 },
        { 2500, FARMIQ_UNIT_G, FARMIQ_UNIT_KG, 2.5 },
        { 1.5, FARMIQ_UNIT_TONNE, FARMIQ_UNIT_KG, 1500 },
        { 1, FARMIQ_UNIT_US_GAL, FARMIQ_UNIT_L, 3.785411784 },
        { 250, FARMIQ_UNIT_ML, FARMIQ_UNIT_L, 0.25 },
        { 1, FARMIQ_UNIT_FT2, FARMIQ_UNIT_M2, 0.09290304 },
        { 212, FARMIQ_UNIT_FAHRENHEIT, FARMIQ_UNIT_CELSIUS, 100 },
        { -40, FARMIQ_UNIT_CELSIUS, FARMIQ_UNIT_FAHRENHEIT, -40 },
        { 0, FARMIQ_UNIT_CELSIUS, FARMIQ_UNIT_FAHRENHEIT, 32 },
        { 0.1, FARMIQ_UNIT_LB, FARMIQ_UNIT_LB, 0.1 },
    };
    double value = UNTOUCHED, back = UNTOUCHED;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(
            farmiq_unit_convert(rows[i].value, rows[i].from, rows[i].to, &value), 0);
        assert_close(value, rows[i].expected, 1e-13);
        assert_int_equal(farmiq_unit_convert(value, rows[i].to, rows[i].from, &back), 0);
        assert_close(back, rows[i].value, 1e-12);
    }
}

static void units_of_different_things_do_not_convert(void **state)
{
    double value = UNTOUCHED;

    (void)state;
    assert_int_equal(farmiq_unit_convert(1, FARMIQ_UNIT_KG, FARMIQ_UNIT_L, &value),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_unit_convert(1, 0, FARMIQ_UNIT_KG, &value), FARMIQ_E_ARG);
    assert_int_equal(farmiq_unit_convert(1, FARMIQ_UNIT_KG, 13, &value), FARMIQ_E_ARG);
    assert_int_equal(farmiq_unit_convert(1, UINT32_MAX, UINT32_MAX, &value),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_unit_convert(1, 0, 0, &value), FARMIQ_E_ARG);
    assert_int_equal(farmiq_unit_convert(1, FARMIQ_UNIT_KG, FARMIQ_UNIT_G, NULL),
                     FARMIQ_E_ARG);
    for (size_t i = 0; i < COUNT(not_finite); i++)
        assert_int_equal(
            farmiq_unit_convert(not_finite[i], FARMIQ_UNIT_KG, FARMIQ_UNIT_KG, &value),
            FARMIQ_E_RANGE);
    assert_int_equal(farmiq_unit_convert(1e308, FARMIQ_UNIT_KG, FARMIQ_UNIT_G, &value),
                     FARMIQ_E_RANGE);
    assert_true(value == UNTOUCHED);
}

/* Marsh, JSHAP 8(1): 64 to 262.9 lb is 29.0 to 119.3 kg, mean 163.5 lb. */
static void published_conversions_come_out(void **state)
{
    double kg = UNTOUCHED;

    (void)state;
    assert_int_equal(farmiq_unit_convert(64, FARMIQ_UNIT_LB, FARMIQ_UNIT_KG, &kg), 0);
    assert_close(kg, 29.0, 0.05);
    assert_int_equal(farmiq_unit_convert(262.9, FARMIQ_UNIT_LB, FARMIQ_UNIT_KG, &kg), 0);
    assert_close(kg, 119.25, 0.005);
    assert_int_equal(farmiq_unit_convert(6.61, FARMIQ_UNIT_LB, FARMIQ_UNIT_KG, &kg), 0);
    assert_close(kg, 3.0, 0.05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_have_their_legal_factors),
        cmocka_unit_test(units_of_different_things_do_not_convert),
        cmocka_unit_test(published_conversions_come_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
