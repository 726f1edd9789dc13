/*
 * What tasks of a run that was left by longjmp have waited for outlives them, and is as if they had
 * been cancelled: it can be used in the next run, and destroyed, as a tear-down does.
 */
#include "support.h"

#include <errno.h>
#include <setjmp.h>

static jmp_buf landing;

static whorl_queue empty, full;
static whorl_channel channel, other_channel;
static whorl_event event;
static whorl_semaphore semaphore;
static whorl_barrier barrier;
static whorl_cond cond;
static whorl_mutex mutex;
static whorl_future future;

static intptr_t get(void *arg)
{
    return whorl_queue_get(&empty, &arg);
}

static intptr_t put(void *arg)
{
    return whorl_queue_put(&full, arg);
}

static intptr_t join_queue(void *arg)
{
    (void)arg;
    return whorl_queue_join(&full);
}

static intptr_t receive(void *arg)
{
    int element;
    (void)arg;
    return whorl_channel_recv(&channel, &element);
}

static intptr_t choose(void *arg)
{
    int elements[2] = {1, 2};
    whorl_case cases[] = {whorl_case_recv(&channel, &elements[0]),
                          whorl_case_send(&other_channel, &elements[1]), whorl_case_future(&future),
                          whorl_case_task(arg)};
    return whorl_select(cases, count_of(cases), WHORL_SECONDS(3600));
}

static intptr_t wait_for_event(void *arg)
{
    (void)arg;
    return whorl_event_wait(&event);
}

static intptr_t acquire(void *arg)
{
    (void)arg;
    return whorl_semaphore_acquire(&semaphore);
}

static intptr_t meet(void *arg)
{
    (void)arg;
    return whorl_barrier_wait(&barrier);
}

static intptr_t wait_for_cond(void *arg)
{
    (void)arg;
    check_equal(whorl_mutex_lock(&mutex), 0);
    return whorl_cond_wait(&cond, &mutex);
}

static intptr_t wait_for_future(void *arg)
{
    (void)arg;
    return whorl_future_wait(&future);
}

static whorl_fn *const waits[] = {
    get,     put,  join_queue,    receive,        choose, wait_for_event,
    acquire, meet, wait_for_cond, wait_for_future};

static void make_all(void)
{
    assert_int_equal(whorl_queue_init(&empty, WHORL_QUEUE_FIFO, 1, NULL), 0);
    assert_int_equal(whorl_queue_init(&full, WHORL_QUEUE_FIFO, 1, NULL), 0);
    assert_int_equal(whorl_channel_init(&channel, sizeof(int), 0), 0);
    assert_int_equal(whorl_channel_init(&other_channel, sizeof(int), 0), 0);
    assert_int_equal(whorl_event_init(&event), 0);
    assert_int_equal(whorl_semaphore_init(&semaphore, 0), 0);
    assert_int_equal(whorl_barrier_init(&barrier, 9), 0);
    assert_int_equal(whorl_cond_init(&cond), 0);
    assert_int_equal(whorl_mutex_init(&mutex), 0);
    assert_int_equal(whorl_future_init(&future), 0);
}

/* Two wait for each. */
static intptr_t wait_and_leave(void *arg)
{
    check_equal(whorl_queue_try_put(&full, arg), 0);
    for (size_t i = 0; i < 2 * count_of(waits); i++)
        check(whorl_spawn(waits[i / 2], whorl_self()) != NULL);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_yield(), 0);
    longjmp(landing, 1);
}

static void run_and_land(void)
{
    if (UNDER_THREAD_SANITIZER)
        skip_because("the thread sanitizer's longjmp finds no way out of a fiber");
    make_all();
    if (setjmp(landing) == 0)
        run(wait_and_leave, NULL);
    assert_int_equal(whorl_run_abandon(), -ECANCELED);
}

static intptr_t use_all(void *arg)
{
    int element = 0;
    void *item;
    (void)arg;
    check_equal(whorl_queue_try_put(&empty, &element), 0);
    check_equal(whorl_queue_try_get(&empty, &item), 0);
    check_equal(whorl_queue_try_get(&full, &item), 0);
    check_equal(whorl_queue_size(&full), 0);
    check_equal(whorl_channel_try_send(&channel, &element), -EAGAIN);
    check_equal(whorl_channel_try_recv(&other_channel, &element), -EAGAIN);
    check_equal(whorl_channel_close(&channel), 0);
    check_equal(whorl_event_set(&event), 0);
    check_equal(whorl_semaphore_release(&semaphore), 0);
    check_equal(whorl_semaphore_value(&semaphore), 1);
    check_equal(whorl_barrier_waiting(&barrier), 0);
    check_equal(whorl_barrier_abort(&barrier), 0);
    check_equal(whorl_cond_notify_all(&cond), 0);
    check_equal(whorl_future_set(&future, 3), 0);
    return 0;
}

/* Not the mutex: whoever waits for a condition ends as its holder. */
static intptr_t destroy_all(void *arg)
{
    (void)arg;
    check_equal(whorl_queue_destroy(&empty), 0);
    check_equal(whorl_queue_shutdown(&full, WHORL_QUEUE_IMMEDIATE), 0);
    check_equal(whorl_queue_destroy(&full), 0);
    check_equal(whorl_channel_destroy(&channel), 0);
    check_equal(whorl_channel_destroy(&other_channel), 0);
    check_equal(whorl_event_destroy(&event), 0);
    check_equal(whorl_semaphore_destroy(&semaphore), 0);
    check_equal(whorl_barrier_destroy(&barrier), 0);
    check_equal(whorl_cond_destroy(&cond), 0);
    check_equal(whorl_future_destroy(&future), 0);
    return 0;
}

static void what_they_waited_for_can_be_used(void **state)
{
    (void)state;
    run_and_land();
    run_checks(use_all, NULL);
    run_checks(destroy_all, NULL);
}

static void what_they_waited_for_can_be_destroyed(void **state)
{
    (void)state;
    run_and_land();
    run_checks(destroy_all, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(what_they_waited_for_can_be_used),
        behaviour(what_they_waited_for_can_be_destroyed),
    };
    return run_behaviours("abandoned waits", tests);
}
