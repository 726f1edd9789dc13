/*
 * The table of operations: that it is whole, says the truth about this kernel and about a loop that
 * does without, and names for each op what the op says itself.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"

#include <core/opcodes.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t count_operations(void)
{
    size_t count = 0;
    while (whorl_operation(count) != NULL)
        count++;
    return count;
}

/* A version such as "6.9" as 6009; two parts count. */
static long version_of(const char *kernel)
{
    int major = -1, minor = -1;
    return sscanf(kernel, "%d.%d", &major, &minor) == 2 ? major * 1000L + minor : -1;
}

enum { OLDEST = 5019 };

static void the_table_begins_with_the_ops_and_has_an_end(void **state)
{
    (void)state;
    size_t count = count_operations();
    assert_true(count > RING_OP_COUNT);
    assert_null(whorl_operation(count));
    assert_null(whorl_operation(SIZE_MAX));
    for (size_t i = 0; i < count; i++) {
        const whorl_operation_info *one = whorl_operation(i);
        whorl_op op = {.code = (uint8_t)i};
        if (i < RING_OP_COUNT)
            assert_string_equal(one->name, whorl_op_name(&op));
        assert_int_equal(one->opcode != NULL, i < RING_OP_COUNT);
        assert_true(one->opcode == NULL || strncmp(one->opcode, "IORING_OP_", 10) == 0);
    }
}

static void what_a_kernel_may_lack_has_a_fallback_in_words(void **state)
{
    (void)state;
    const whorl_operation_info *one;
    for (size_t i = 0; (one = whorl_operation(i)) != NULL; i++) {
        assert_true(version_of(one->kernel) > 0);
        if (version_of(one->kernel) > OLDEST)
            assert_non_null(one->fallback);
        assert_true(one->fallback == NULL || one->fallback[0] != '\0');
    }
}

/* Each call stands in one row only. */
static void no_call_comes_to_two_operations(void **state)
{
    (void)state;
    static char seen[8192];
    const whorl_operation_info *one;
    strcpy(seen, " ");
    for (size_t i = 0; (one = whorl_operation(i)) != NULL; i++) {
        char calls[256], *rest = calls;
        snprintf(calls, sizeof calls, "%s", one->calls);
        for (char *call; (call = strtok_r(rest, " ", &rest)) != NULL;) {
            char padded[64];
            snprintf(padded, sizeof padded, " %s ", call);
            if (strstr(seen, padded) != NULL)
                fail_msg("%s stands there twice", call);
            assert_true(strlen(seen) + strlen(padded) < sizeof seen);
            strcat(seen, padded + 1);
        }
    }
}

/* --- What is at hand --- */

static const struct {
    unsigned code;
    uint64_t feature;
} optional[] = {
    {RING_OP_BIND, WHORL_FEATURE_OP_BIND},
    {RING_OP_LISTEN, WHORL_FEATURE_OP_LISTEN},
    {RING_OP_FTRUNCATE, WHORL_FEATURE_OP_FTRUNCATE},
    {RING_OP_WAITID, WHORL_FEATURE_OP_WAITID},
    {RING_OP_READV_FIXED, WHORL_FEATURE_OP_READV_FIXED},
    {RING_OP_WRITEV_FIXED, WHORL_FEATURE_OP_READV_FIXED},
    {RING_OP_SEND_ZC, WHORL_FEATURE_SEND_ZC},
    {RING_OP_SENDMSG_ZC, WHORL_FEATURE_SEND_ZC},
};

static intptr_t ask_for_each(void *arg)
{
    (void)arg;
    uint64_t features = (uint64_t)whorl_features();
    for (size_t i = 0; whorl_operation(i) != NULL; i++) {
        int expected = 1;
        for (size_t j = 0; j < count_of(optional); j++)
            if (optional[j].code == i)
                expected = (features & optional[j].feature) != 0;
        check_equal(whorl_has_operation(i), expected);
    }
    check_equal(whorl_has_operation(count_operations()), -EINVAL);
    check_equal(whorl_has_operation(SIZE_MAX), -EINVAL);
    return 0;
}

static void a_loop_tells_which_operations_it_has(void **state)
{
    (void)state;
    run_checks_on_all_features(ask_for_each, NULL);
}

static void outside_a_task_the_kernel_is_asked(void **state)
{
    (void)state;
    int64_t features = whorl_features();
    assert_true(features >= 0);
    assert_int_equal(whorl_has_operation(RING_OP_READ), 1);
    for (size_t i = 0; i < count_of(optional); i++)
        assert_int_equal(whorl_has_operation(optional[i].code),
                         ((uint64_t)features & optional[i].feature) != 0);
    assert_int_equal(whorl_has_operation(RING_OP_COUNT), 1);
    assert_int_equal(whorl_has_operation(count_operations()), -EINVAL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(the_table_begins_with_the_ops_and_has_an_end),
        behaviour(what_a_kernel_may_lack_has_a_fallback_in_words),
        behaviour(no_call_comes_to_two_operations),
        behaviour(a_loop_tells_which_operations_it_has),
        behaviour(outside_a_task_the_kernel_is_asked),
    };
    return run_behaviours("operations", tests);
}
