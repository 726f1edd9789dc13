/*
 * How long whorl-get waits before it tries again: twice as long each time up to a minute, not all
 * alike, and as long as a server asks.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include "retry.h"

enum { DRAWS = 1000 };

/* Draws many: each between a half of `whole` and all of it, and they are spread over that. */
static void check_waits(int64_t first, unsigned attempt, int64_t whole)
{
    unsigned jitter = (unsigned)test_seed();
    int64_t least = INT64_MAX, most = 0;
    for (int i = 0; i < DRAWS; i++) {
        int64_t wait = retry_wait(first, attempt, 0, &jitter);
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    check(least >= whole - whole / 2 && least <= whole - whole / 4);
    check(most <= whole && most >= whole - whole / 4);
}

static void waits_double_up_to_a_minute(void **state)
{
    (void)state;
    for (unsigned attempt = 1; attempt <= 6; attempt++)
        check_waits(WHORL_SECONDS(1), attempt, WHORL_SECONDS(1) << (attempt - 1));
    check_waits(WHORL_SECONDS(1), 7, WHORL_SECONDS(60));
    check_waits(WHORL_SECONDS(1), 1000, WHORL_SECONDS(60));
    check_waits(WHORL_SECONDS(3600), 3, WHORL_SECONDS(3600));
}

static void a_server_that_asks_for_longer_gets_it(void **state)
{
    unsigned jitter = 1;
    (void)state;
    check_equal(retry_wait(WHORL_SECONDS(1), 1, WHORL_SECONDS(90), &jitter), WHORL_SECONDS(90));
    check(retry_wait(WHORL_SECONDS(1), 5, WHORL_SECONDS(1), &jitter) >= WHORL_SECONDS(8));
    check_equal(retry_wait(0, 1000, 0, &jitter), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(waits_double_up_to_a_minute),
        behaviour(a_server_that_asks_for_longer_gets_it),
    };
    return run_behaviours("retry", tests);
}
