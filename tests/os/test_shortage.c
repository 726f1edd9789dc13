/*
 * What the system refuses: memory for a post, for a loop's handle, for a task's stack, a
 * descriptor, a thread. This program stands between the engine and the system (the linker's
 * --wrap), and refuses while it is told to.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os/threads.h"

#include <stddef.h>
#include <sys/mman.h>

static atomic_int no_malloc, no_calloc, no_aligned, no_eventfd, no_mmap; /* for so many calls */
static atomic_int no_thread;

static __thread bool is_the_engine; /* whoever calls on this thread now */

static bool is_refused(atomic_int *calls)
{
    return is_the_engine && atomic_load(calls) > 0 && atomic_fetch_sub(calls, 1) > 0;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return is_refused(&no_malloc) ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    return is_refused(&no_calloc) ? NULL : __real_calloc(count, size);
}

void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return is_refused(&no_aligned) ? NULL : __real_aligned_alloc(alignment, size);
}

int __real_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags)
{
    if (!is_refused(&no_eventfd))
        return __real_eventfd(count, flags);
    errno = EMFILE;
    return -1;
}

void *__real_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (!is_refused(&no_mmap))
        return __real_mmap(address, size, protection, flags, fd, offset);
    errno = ENOMEM;
    return MAP_FAILED;
}

typedef void *thread_body(void *arg);

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, thread_body *body,
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, thread_body *body,
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, thread_body *body,
                          void *arg)
{
    return is_refused(&no_thread) ? EAGAIN : __real_pthread_create(thread, attributes, body, arg);
}

/* SIGINT would make the loop an inbox before the test begins. */
static const whorl_config alone = {.sigint = WHORL_SIGINT_LEAVE, .threads = 2};

static void run_alone(whorl_fn *fn)
{
    run_checks_with(&alone, fn, NULL);
}

static atomic_int ran, may_end;

static intptr_t count(void *arg)
{
    atomic_fetch_add(&ran, 1);
    return (intptr_t)arg;
}

static intptr_t block(void *arg)
{
    count(arg);
    await_number(&may_end, 1);
    return (intptr_t)arg;
}

static intptr_t never(void *arg)
{
    check_failed("this must not run");
    return (intptr_t)arg;
}

/* --- Handles and posts --- */

static intptr_t hold_in_vain(void *arg)
{
    is_the_engine = true;
    atomic_store(&no_aligned, 1);
    check(whorl_loop_hold() == NULL);
    atomic_store(&no_eventfd, 1);
    check(whorl_loop_hold() == NULL);
    whorl_loop *held = whorl_loop_hold();
    check(held != NULL);
    atomic_store(&no_malloc, 1);
    check_equal(whorl_post(held, never, arg), -ENOMEM);
    whorl_posted posted;
    atomic_store(&no_malloc, 1000);
    check_equal(whorl_post_with(held, &posted, count, arg), 0); /* takes none */
    atomic_store(&no_malloc, 0);
    is_the_engine = false;
    check_equal(whorl_yield(), 0);
    check_equal(whorl_yield(), 0);
    check_equal(atomic_load(&ran), 1);
    return whorl_loop_drop(held);
}

static void without_memory_or_a_descriptor_there_is_no_handle_and_no_post(void **state)
{
    (void)state;
    atomic_store(&ran, 0);
    run_alone(hold_in_vain);
}

/* --- Stacks --- */

enum { POSTS = 3000 };

static whorl_loop *kept_for;
static int order[POSTS + 1];

static intptr_t note_order(void *arg)
{
    order[atomic_fetch_add(&ran, 1)] = (int)(intptr_t)arg;
    return whorl_yield() == -ECANCELED ? 0 : whorl_sleep(WHORL_US(100));
}

static intptr_t post_without_stacks(void *arg)
{
    kept_for = whorl_loop_hold();
    is_the_engine = true;
    atomic_store(&no_mmap, 5);
    for (intptr_t i = 0; i < POSTS; i++)
        check_equal(whorl_post(kept_for, note_order, (void *)i), 0);
    while (atomic_load(&ran) < POSTS)
        check_equal(whorl_sleep(WHORL_MS(1)), 0);
    is_the_engine = false;
    check_equal(atomic_load(&no_mmap), 0); /* it was refused as often */
    for (int i = 0; i < POSTS; i++)
        check_equal(order[i], i);
    check_equal(whorl_loop_drop(kept_for), 0);
    return (intptr_t)arg;
}

static void a_post_without_a_stack_is_tried_again(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        whorl_config config = alone;
        config.clock = i ? WHORL_CLOCK_VIRTUAL : WHORL_CLOCK_REAL;
        atomic_store(&ran, 0);
        run_checks_with(&config, post_without_stacks, NULL);
    }
}

static intptr_t cancel_main(void *arg)
{
    atomic_fetch_add(&ran, 1);
    return whorl_cancel(arg);
}

static intptr_t hold_a_stack(void *arg)
{
    (void)arg;
    return whorl_sleep(WHORL_FOREVER) == -ECANCELED ? 0 : -1;
}

/* Spawns until no stack is left that the system need not be asked for. */
static void take_every_stack(void)
{
    whorl_task *task;
    is_the_engine = true;
    do {
        atomic_store(&no_mmap, 1);
        task = whorl_spawn(hold_a_stack, NULL);
    } while (task && whorl_release(task) == 0);
    is_the_engine = false;
}

static intptr_t wait_for_a_kept_post(void *arg)
{
    take_every_stack();
    kept_for = whorl_loop_hold();
    is_the_engine = true;
    atomic_store(&no_mmap, 3);
    check_equal(whorl_post(kept_for, cancel_main, whorl_self()), 0);
    check_equal(whorl_loop_drop(kept_for), 0); /* what was kept is no deadlock */
    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    is_the_engine = false;
    check_equal(atomic_load(&no_mmap), 0);
    return (intptr_t)arg;
}

static void a_loop_that_keeps_a_post_waits_for_memory(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        whorl_config config = alone;
        config.clock = i ? WHORL_CLOCK_VIRTUAL : WHORL_CLOCK_REAL;
        atomic_store(&ran, 0);
        run_checks_with(&config, wait_for_a_kept_post, NULL);
        assert_int_equal(atomic_load(&ran), 1);
    }
}

/* --- Submissions --- */

static void *submit_and_cancel(void *arg)
{
    whorl_submission first, second;
    check_equal(whorl_submit_threadsafe(kept_for, &first, never, arg), 0);
    check_equal(whorl_submit_threadsafe(kept_for, &second, cancel_main, arg), 0);
    check_equal(whorl_submission_cancel(&first), 0);
    check_equal(whorl_submission_wait(&first, WHORL_FOREVER), -ECANCELED);
    check_equal(whorl_submission_wait(&second, WHORL_FOREVER), 0);
    return NULL;
}

static intptr_t take_submissions_without_stacks(void *arg)
{
    take_every_stack();
    kept_for = whorl_loop_hold();
    pthread_t thread = start(submit_and_cancel, whorl_self());
    pause_for(WHORL_MS(2)); /* so that most often both are there */
    is_the_engine = true;
    atomic_store(&no_mmap, 3);
    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    is_the_engine = false;
    finish(thread);
    check_equal(whorl_loop_drop(kept_for), 0);
    return (intptr_t)arg;
}

static void a_submission_without_a_stack_is_tried_again_or_cancelled(void **state)
{
    (void)state;
    run_alone(take_submissions_without_stacks);
}

/* --- Threads --- */

static intptr_t give_in_vain(void *arg)
{
    is_the_engine = true;
    atomic_store(&no_aligned, 1);
    check_equal(whorl_to_thread(never, arg), -ENOMEM);
    atomic_store(&no_eventfd, 1);
    check_equal(whorl_to_thread(never, arg), -EMFILE);
    atomic_store(&no_calloc, 1);
    check_equal(whorl_to_thread(never, arg), -ENOMEM); /* the pool */
    check_equal(whorl_to_thread(count, (void *)2), 2);
    is_the_engine = false;
    return 0;
}

static void without_memory_or_a_descriptor_nothing_is_given_to_a_thread(void **state)
{
    (void)state;
    run_alone(give_in_vain);
}

static intptr_t give_without_threads(void *arg)
{
    is_the_engine = true;
    atomic_store(&no_thread, 1);
    check_equal(whorl_to_thread(never, arg), -EAGAIN);
    atomic_store(&no_calloc, 1);
    /* The pool is there. */
    check_equal(whorl_to_thread(never, arg), -ENOMEM);
    check_equal(whorl_to_thread(count, (void *)3), 3);
    is_the_engine = false;
    return 0;
}

static void without_a_single_thread_nothing_is_given(void **state)
{
    (void)state;
    run_alone(give_without_threads);
}

static intptr_t give_blocker(void *arg)
{
    return whorl_to_thread(block, arg);
}

static intptr_t give_count(void *arg)
{
    return whorl_to_thread(count, arg);
}

static intptr_t give_without_a_second(void *arg)
{
    whorl_task *first = whorl_spawn(give_blocker, (void *)4), *second;
    yield_until(&ran, 1);
    is_the_engine = true;
    atomic_store(&no_thread, 1);
    second = whorl_spawn(give_count, (void *)5);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_yield(), 0);
    is_the_engine = false;
    check_equal(atomic_load(&no_thread), 0);
    check_equal(whorl_is_done(second), 0);
    atomic_store(&may_end, 1);
    check_equal(whorl_join(second), 5); /* the first thread did it */
    check_equal(whorl_join(first), 4);
    return (intptr_t)arg;
}

static void without_another_thread_a_function_waits_for_the_one_there_is(void **state)
{
    (void)state;
    atomic_store(&ran, 0);
    atomic_store(&may_end, 0);
    run_alone(give_without_a_second);
}

/* --- SIGINT --- */

static int run_without_an_inbox(void)
{
    is_the_engine = true;
    atomic_store(&no_eventfd, 1);
    intptr_t result = whorl_run(count, (void *)6);
    is_the_engine = false;
    return (int)result;
}

static void a_run_without_a_descriptor_for_sigint_goes_on(void **state)
{
    (void)state;
    assert_int_equal(run_without_an_inbox(), 6);
    assert_int_equal(atomic_load(&no_eventfd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(without_memory_or_a_descriptor_there_is_no_handle_and_no_post),
        behaviour(a_post_without_a_stack_is_tried_again),
        behaviour(a_loop_that_keeps_a_post_waits_for_memory),
        behaviour(a_submission_without_a_stack_is_tried_again_or_cancelled),
        behaviour(without_memory_or_a_descriptor_nothing_is_given_to_a_thread),
        behaviour(without_a_single_thread_nothing_is_given),
        behaviour(without_another_thread_a_function_waits_for_the_one_there_is),
        behaviour(a_run_without_a_descriptor_for_sigint_goes_on),
    };

    return run_behaviours("shortage", tests);
}
