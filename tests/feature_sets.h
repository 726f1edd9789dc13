/*
 * Runs a body of checks on every way in which the engine may have to go without a kernel's offers:
 * with all features, with all but one, for each of them, and with none. What a newer kernel does
 * and what stands in for it must give the same results.
 */
#ifndef TESTS_FEATURE_SETS_H
#define TESTS_FEATURE_SETS_H

#include "support.h"

enum { KNOWN_FEATURES = 14 };

/* Set number `index` of features to do without; 0 to KNOWN_FEATURES + 1. */
static inline uint64_t features_without(int index)
{
    if (index == 0)
        return 0;
    if (index <= KNOWN_FEATURES)
        return UINT64_C(1) << (index - 1);
    return (UINT64_C(1) << KNOWN_FEATURES) - 1;
}

static inline void run_checks_on_all_features(whorl_fn *fn, void *arg)
{
    assert_null(whorl_feature_name(UINT64_C(1) << KNOWN_FEATURES)); /* the table is complete */
    for (int i = 0; i <= KNOWN_FEATURES + 1; i++) {
        whorl_config config = {.without = features_without(i)};
        unsigned before = failed_checks();
        intptr_t result = whorl_run_with(&config, fn, arg);
        if (result != 0 || failed_checks() != before)
            check_failed("ended with %jd, without features 0x%jx", (intmax_t)result,
                         (uintmax_t)config.without);
    }
}

#endif
