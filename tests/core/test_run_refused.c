/*
 * A run that is refused memory while it begins, request by request, of malloc and of mmap: either
 * it gives -ENOMEM, has said so, has run nothing and left nothing behind; or it did without. And
 * trials, which do without a list of descriptors.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "refused_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <whorl/trial.h>

#include "core/child.h"

void *__real_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    return refuses_memory() ? MAP_FAILED
                            : __real_mmap(address, size, protection, flags, fd, offset);
}

WRAPPED(void *, aligned_alloc, (size_t alignment, size_t size), alignment, size)

static bool has_run;

static intptr_t note_that_it_runs(void *arg)
{
    atomic_store(&memory_calls_left, -1);
    has_run = true;
    return (intptr_t)arg;
}

/* Runs with one request refused, if so many come before main's first step; false if not. */
static bool run_refused(long number)
{
    int before = open_descriptors();
    has_run = false;
    refuse_memory_call(number);
    intptr_t result = whorl_run(note_that_it_runs, (void *)6);
    bool refused = refuse_no_more_memory();
    check_equal(result, has_run ? 6 : -ENOMEM);
    check(has_run || refused);
    check_equal(open_descriptors(), before);
    return refused;
}

/* The exit status: how many runs had no memory. */
static int refuse_runs(void *arg)
{
    int failed = 0;
    for (long number = 0; run_refused(number); number++)
        failed += !has_run;
    check_equal(whorl_run(note_that_it_runs, arg), (intptr_t)arg);
    return failed;
}

static unsigned times_in(const char *text, const char *words)
{
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, words)) != NULL; at += strlen(words))
        count++;
    return count;
}

static void a_run_begins_whole_or_says_that_it_has_no_memory(void **state)
{
    struct child child;
    assert_int_equal(child_run(refuse_runs, state, &child), 0);
    assert_true(WIFEXITED(child.status));
    int refused = WEXITSTATUS(child.status);
    assert_in_range(refused, 3, 20);
    assert_int_equal(times_in(child.text, "\n"), refused);
    assert_int_equal(times_in(child.text, "whorl: no memory"), refused);
}

/* --- Trials --- */

enum { MANY = 70 }; /* descriptors, for which a list has to grow */

/* Whether a trial tells of a descriptor that was left open in it, where the request of this number
 * is refused at its begin, or at its end; negative: none is. */
static int leave_one_open(long at_begin, long at_end)
{
    whorl_trial trial = {.name = "trial"};
    refuse_memory_call(at_begin);
    whorl_trial_begin(&trial);
    assert_int_equal(refuse_no_more_memory(), at_begin >= 0);
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    refuse_memory_call(at_end);
    int told = whorl_trial_end(&trial);
    assert_int_equal(refuse_no_more_memory(), at_end >= 0);
    assert_int_equal(trial.complaint[0] != '\0', told);
    close(fd);
    return told;
}

static void a_trial_without_memory_for_its_lists_tells_of_no_descriptors(void **state)
{
    int many[MANY];
    (void)state;
    for (int i = 0; i < MANY; i++)
        many[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(leave_one_open(-1, -1), 1);
    for (long number = 0; number < 2; number++) {
        assert_int_equal(leave_one_open(number, -1), 0);
        assert_int_equal(leave_one_open(-1, number), 0);
    }
    for (int i = 0; i < MANY; i++)
        close(many[i]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_run_begins_whole_or_says_that_it_has_no_memory),
        behaviour(a_trial_without_memory_for_its_lists_tells_of_no_descriptors),
    };
    return run_behaviours("run_refused", tests);
}
