/*
 * Posts that race: a million from four threads, posts against the run's end, and loops that post to
 * each other. Each post that was accepted runs once; none is lost.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os/threads.h"

enum { POSTERS = 4 };

static whorl_loop *held;
static long ran;

/* --- Many --- */

static long posts_each;

static intptr_t count_one(void *arg)
{
    long *sum = arg;
    ran++;
    ++*sum;
    return 0;
}

static void *post_many(void *arg)
{
    for (long i = 0; i < posts_each; i++)
        check_equal(whorl_post(held, count_one, arg), 0);
    return NULL;
}

static intptr_t take_many(void *arg)
{
    bool sleeps = *(bool *)arg;
    pthread_t threads[POSTERS];
    long sums[POSTERS] = {0};
    ran = 0;
    held = whorl_loop_hold();
    for (int i = 0; i < POSTERS; i++)
        threads[i] = start(post_many, &sums[i]);
    while (ran < POSTERS * posts_each)
        check_equal(sleeps ? whorl_sleep(WHORL_MS(1)) : whorl_yield(), 0);
    for (int i = 0; i < POSTERS; i++) {
        finish(threads[i]);
        check_equal(sums[i], posts_each);
    }
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(ran, POSTERS * posts_each);
    return whorl_loop_drop(held);
}

static void a_million_posts_from_four_threads_all_run(void **state)
{
    (void)state;
    for (int sleeps = 0; sleeps < 2; sleeps++) {
        posts_each = test_rounds(1000000 / POSTERS) / (sleeps && UNDER_SANITIZER ? 10 : 1);
        run_checks(take_many, &(bool){sleeps});
        print_message("%ld posts, to a loop that %s\n", ran, sleeps ? "sleeps" : "is busy");
    }
}

/* --- The run's end --- */

/* Then it is a trickle, of less than a run takes. */
enum {
    FLOOD = UNDER_THREAD_SANITIZER ? 100 : 1000,
    TRICKLE_US = UNDER_THREAD_SANITIZER ? 500 : 20
};

struct flood {
    atomic_int accepted;
    atomic_int begun;
};

static intptr_t run_one(void *arg)
{
    char *memory = arg;
    ran++;
    free(memory); /* each post's own: one that never ran would be a leak, two would be a crash */
    return 0;
}

static void *post_until_refused(void *arg)
{
    struct flood *flood = arg;
    for (;;) {
        char *memory = malloc(1);
        int error = whorl_post(held, run_one, memory);
        if (error) {
            check_equal(error, -ESHUTDOWN);
            free(memory);
            break;
        }
        if (atomic_fetch_add(&flood->accepted, 1) > FLOOD)
            pause_for(WHORL_US(TRICKLE_US));
    }
    return NULL;
}

static intptr_t leave_in_the_flood(void *arg)
{
    struct flood *flood = arg;
    held = whorl_loop_hold();
    atomic_fetch_add(&flood->begun, 1);
    while (atomic_load(&flood->accepted) == 0)
        check_equal(whorl_yield(), 0);
    return 0;
}

static void *wait_and_flood(void *arg)
{
    struct flood *flood = arg;
    await_number(&flood->begun, 1);
    return post_until_refused(arg);
}

static void posts_race_with_the_runs_end_and_none_is_lost(void **state)
{
    (void)state;
    long rounds = test_rounds(ROUNDS_OF(UNDER_SANITIZER ? 150 : 2000)), total = 0;
    for (long i = 0; i < rounds; i++) {
        struct flood flood = {0};
        ran = 0;
        pthread_t one = start(wait_and_flood, &flood);
        pthread_t other = start(wait_and_flood, &flood);
        run_checks(leave_in_the_flood, &flood);
        finish(one);
        finish(other);
        assert_int_equal(ran, atomic_load(&flood.accepted));
        assert_int_equal(whorl_loop_drop(held), 0);
        total += ran;
    }
    print_message("%ld rounds, %ld posts\n", rounds, total);
}

/* The same where a handful come at the very end, each thread's in memory of its own. */
enum { HANDFUL = 3 };

struct handful {
    whorl_posted posted[HANDFUL];
    int accepted;
    pthread_t thread;
    pthread_barrier_t *begin;
    long delay;
};

static intptr_t count_here(void *arg)
{
    (void)arg;
    ran++;
    return 0;
}

static void *post_a_handful(void *arg)
{
    struct handful *handful = arg;
    pthread_barrier_wait(handful->begin);
    for (volatile long i = 0; i < handful->delay; i++)
        continue;
    for (int i = 0; i < HANDFUL; i++)
        handful->accepted += whorl_post_with(held, &handful->posted[i], count_here, NULL) == 0;
    return NULL;
}

static intptr_t begin_and_leave(void *arg)
{
    struct handful *handfuls = arg;
    held = whorl_loop_hold();
    pthread_barrier_wait(handfuls->begin);
    return 0;
}

static void the_last_posts_run_or_are_refused(void **state)
{
    (void)state;
    long rounds = test_rounds(UNDER_THREAD_SANITIZER ? 200 : 3000), accepted = 0;
    random_source source = random_from_seed(1);
    for (long i = 0; i < rounds; i++) {
        pthread_barrier_t begin;
        struct handful handfuls[2] = {{.begin = &begin}, {.begin = &begin}};
        pthread_barrier_init(&begin, NULL, 3);
        ran = 0;
        for (int j = 0; j < 2; j++) {
            handfuls[j].delay = (long)random_below(&source, UNDER_THREAD_SANITIZER ? 2000 : 40000);
            handfuls[j].thread = start(post_a_handful, &handfuls[j]);
        }
        run_checks(begin_and_leave, handfuls);
        for (int j = 0; j < 2; j++)
            finish(handfuls[j].thread);
        assert_int_equal(ran, handfuls[0].accepted + handfuls[1].accepted);
        assert_int_equal(whorl_loop_drop(held), 0);
        pthread_barrier_destroy(&begin);
        accepted += ran;
    }
    print_message("%ld rounds: of %ld posts %ld were accepted\n", rounds, rounds * 2 * HANDFUL,
                  accepted);
}

/* --- Loops that post to each other --- */

enum { LOOPS = 3, HOPS = 3000, BALLS = 5 };

static struct player {
    whorl_loop *loop;
    long hops;
    whorl_task *main;
} players[LOOPS];

static atomic_int ready, arrived;

struct ball {
    whorl_posted posted;
    int hops;
};

static intptr_t rest(void *arg)
{
    struct player *player = arg;
    return whorl_cancel(player->main);
}

static intptr_t hop(void *arg)
{
    struct ball *ball = arg;
    struct player *here = &players[ball->hops % LOOPS];
    struct player *next = &players[(ball->hops + 1) % LOOPS];
    check(whorl_self() != NULL);
    here->hops++;
    if (++ball->hops < HOPS)
        return whorl_post_with(next->loop, &ball->posted, hop, ball);
    if (atomic_fetch_add(&arrived, 1) + 1 == BALLS)
        for (int i = 0; i < LOOPS; i++)
            check_equal(whorl_post(players[i].loop, rest, &players[i]), 0);
    return 0;
}

static intptr_t hold_and_wait(void *arg)
{
    struct player *player = arg;
    player->main = whorl_self();
    player->loop = whorl_loop_hold();
    atomic_fetch_add(&ready, 1);
    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    return 0;
}

static void *run_player(void *arg)
{
    check_equal(whorl_run(hold_and_wait, arg), 0);
    return NULL;
}

static void loops_in_several_threads_post_to_each_other(void **state)
{
    (void)state;
    pthread_t threads[LOOPS];
    struct ball balls[BALLS] = {0};
    long hops = 0;
    for (int i = 0; i < LOOPS; i++)
        threads[i] = start(run_player, &players[i]);
    await_number(&ready, LOOPS);
    for (int i = 0; i < BALLS; i++)
        assert_int_equal(whorl_post_with(players[0].loop, &balls[i].posted, hop, &balls[i]), 0);
    for (int i = 0; i < LOOPS; i++) {
        finish(threads[i]);
        hops += players[i].hops;
    }
    for (int i = 0; i < LOOPS; i++)
        assert_int_equal(whorl_loop_drop(players[i].loop), 0);
    assert_int_equal(hops, BALLS * HOPS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_million_posts_from_four_threads_all_run),
        behaviour(posts_race_with_the_runs_end_and_none_is_lost),
        behaviour(the_last_posts_run_or_are_refused),
        behaviour(loops_in_several_threads_post_to_each_other),
    };

    return run_behaviours("post_race", tests);
}
