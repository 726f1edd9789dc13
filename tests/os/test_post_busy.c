/* What is posted to a loop that is busy: it is taken at the next turn, and runs. */
#include "support.h"

#include <pthread.h>
#include <whorl.h>

enum { POSTS = 2000 };

static long ran;

static intptr_t count(void *arg)
{
    ran++;
    return (intptr_t)arg;
}

static intptr_t post_and_yield_twice(void *arg)
{
    whorl_loop *loop = whorl_loop_hold();
    check(loop != NULL);
    for (long i = 1; i <= POSTS; i++) {
        check_equal(whorl_post(loop, count, arg), 0);
        check_equal(whorl_yield(), 0); /* the loop takes it */
        check_equal(whorl_yield(), 0); /* it runs */
        check_equal(ran, i);
    }
    return whorl_loop_drop(loop);
}

static void what_a_task_posts_to_its_own_loop_begins_after_one_turn(void **state)
{
    (void)state;
    ran = 0;
    run_checks(post_and_yield_twice, NULL);
}

static void *post_many(void *loop)
{
    for (int i = 0; i < POSTS; i++)
        check_equal(whorl_post(loop, count, NULL), 0);
    return NULL;
}

static intptr_t yield_until_all_ran(void *arg)
{
    whorl_loop *loop = whorl_loop_hold();
    pthread_t thread;
    (void)arg;
    check_equal(pthread_create(&thread, NULL, post_many, loop), 0);
    while (ran < POSTS)
        check_equal(whorl_yield(), 0);
    pthread_join(thread, NULL);
    return whorl_loop_drop(loop);
}

static void what_a_thread_posts_to_a_loop_that_never_waits_runs(void **state)
{
    (void)state;
    ran = 0;
    run_checks(yield_until_all_ran, NULL);
    assert_int_equal(ran, POSTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(what_a_task_posts_to_its_own_loop_begins_after_one_turn),
        behaviour(what_a_thread_posts_to_a_loop_that_never_waits_runs),
    };

    return run_behaviours("posts to a busy loop", tests);
}
