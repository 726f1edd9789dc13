/*
 * Tests as tasks: an adapter to cmocka. It is this header alone; the library knows nothing of
 * cmocka. Not brought by whorl.h.
 *
 *     static void gives_what_it_got(void **state)
 *     {
 *         assert_int_equal(whorl_read(...), 4);
 *     }
 *
 *     int main(void)
 *     {
 *         const struct CMUnitTest tests[] = {
 *             whorl_unit_test(gives_what_it_got),
 *             whorl_unit_test_with(takes_an_hour, .clock = WHORL_CLOCK_VIRTUAL),
 *         };
 *         return cmocka_run_group_tests(tests, NULL, NULL);
 *     }
 *
 * A test function runs as the main task of a run of its own, and so do its set-up and its
 * tear-down. cmocka's assertions, skip, fail and mocks work in every task of these, and so does its
 * catching of signals such as SIGSEGV; not on other threads. A test fails too if one of the three
 *
 *   - does not end within the test's limit. All tasks are cancelled then; if that does not end it
 *     within as long again, the program is aborted with a sentence;
 *   - comes to a deadlock (see whorl_run);
 *   - returns while operations that it has started are in flight, or with a scope open;
 *   - leaves other tasks alive, when what it has deferred has run, but for calls that were taken
 *     back (whorl_call_cancel);
 *
 * or if more descriptors are open after the test than before it.
 *
 * When an assertion fails, the test is over for all of its tasks: none goes on from where it
 * stands, so none trips over the end of the others. What they have in flight is ended, what they
 * have deferred (whorl_defer) runs, in a run of its own, and after that the tear-down. What they
 * hold otherwise is lost, as what a failing function holds is in any test with cmocka: so what must
 * be given back belongs into the tear-down, or is to be deferred. A test whose set-up failed, or
 * skipped it, does not run, nor does its tear-down. The test's memory check (test_malloc) spans the
 * three.
 *
 * How: cmocka reports a failure by siglongjmp, from inside libcmocka, to its own frame on the
 * thread's stack. It cannot be kept from it without taking the place of cmocka's functions, and a
 * caught signal not even so. But it always calls the tear-down slot after a test function, however
 * that ended, with the thread's stack in order: so there the adapter has the run ended that was
 * left in the middle (whorl_run_abandon). After a set-up that failed it calls nothing: so the
 * set-up runs in the test's slot, before the test.
 *
 * cmocka hands a group's state to each test in place of the test's own, by which the adapter knows
 * what to run: a group's set-up may not leave one. From C: the macros are no C++.
 */
#ifndef WHORL_TEST_H
#define WHORL_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <whorl.h>
#include <whorl/trial.h>

/* Each makes one element of an array of struct CMUnitTest, named as the function is. The functions
 * are cmocka's CMUnitTestFunction and CMFixtureFunction; set-up and tear-down may be NULL. The
 * array may be a function's variable, or static outside of functions. */
#define whorl_unit_test(function) whorl_unit_test_with(function, .setup = NULL)
#define whorl_unit_test_setup(function, set_up) whorl_unit_test_with(function, .setup = (set_up))
#define whorl_unit_test_teardown(function, tear_down)                                              \
    whorl_unit_test_with(function, .teardown = (tear_down))
#define whorl_unit_test_setup_teardown(function, set_up, tear_down)                                \
    whorl_unit_test_with(function, .setup = (set_up), .teardown = (tear_down))

/* The same with any of these, as designated initialisers; 0 is the default of each:
 *   .setup, .teardown  the fixtures
 *   .state             what *state is at first
 *   .clock             WHORL_CLOCK_VIRTUAL: time jumps when all tasks wait
 *   .limit             ns of real time, whatever the clock, for the function, and for each fixture;
 *                      default 10 s; WHORL_FOREVER: none
 *   .config            for the rest: a whorl_config *, whose name, clock and limit do not count */
#define whorl_unit_test_with(function, ...)                                                        \
    {                                                                                              \
#function, whorl_test_run_, NULL, whorl_test_end_, &(struct whorl_test_)                   \
        {                                                                                          \
            .mark = whorl_test_end_, .name = #function, .file = __FILE__, .line = __LINE__,        \
            .test = (function), __VA_ARGS__                                                        \
        }                                                                                          \
    }

/* --- What follows is not for use outside of this header. --- */

struct whorl_test_ {
    CMFixtureFunction mark; /* it is one of ours */
    const char *name;
    const char *file;
    int line;
    CMUnitTestFunction test;
    CMFixtureFunction setup;
    CMFixtureFunction teardown;
    void *state;
    enum whorl_clock clock;
    int64_t limit;
    const whorl_config *config;
    /* While it runs. */
    whorl_trial trial;
    void *now;                 /* *state */
    CMFixtureFunction fixture; /* to run now; NULL: the test */
    int result;                /* of the fixture */
    int began;
    int must_tear_down;
};

/* Ends cmocka's function with the trial's complaint. */
static inline void whorl_test_fail_(const struct whorl_test_ *self, const char *part)
{
    print_error("ERROR: %s%s %s\n", part, self->name, self->trial.complaint);
    _fail(self->file, self->line);
}

/* What the function leaves in its dead frames is ended after this has returned, so nothing is
 * called in between. */
__attribute__((no_sanitize("thread", "address"))) static inline intptr_t whorl_test_task_(void *arg)
{
    struct whorl_test_ *self = (struct whorl_test_ *)arg;
    if (self->fixture)
        self->result = self->fixture(&self->now);
    else
        self->test(&self->now);
    return 0;
}

/* Runs a fixture, or the test (NULL); comes back if it passes. */
static inline void whorl_test_step_(struct whorl_test_ *self, CMFixtureFunction fixture,
                                    const char *part)
{
    self->fixture = fixture;
    self->result = 0;
    if (whorl_trial_run(&self->trial, whorl_test_task_, self) != 0)
        whorl_test_fail_(self, part);
    if (self->result != 0) {
        print_error("ERROR: %s%s gave %d\n", part, self->name, self->result);
        _fail(self->file, self->line);
    }
}

static inline void whorl_test_tear_down_(struct whorl_test_ *self)
{
    if (!self->must_tear_down)
        return;
    self->must_tear_down = 0;
    whorl_test_step_(self, self->teardown, "the tear-down of ");
}

static inline void whorl_test_begin_(struct whorl_test_ *self)
{
    self->trial.name = self->name;
    if (self->config)
        self->trial.config = *self->config;
    self->trial.config.clock = self->clock;
    self->trial.limit = self->limit;
    self->must_tear_down = 0;
    self->now = self->state;
    whorl_trial_begin(&self->trial);
    self->began = 1;
}

static inline int whorl_test_end_(void **state);

/* cmocka's test function. */
static inline void whorl_test_run_(void **state)
{
    struct whorl_test_ *self = (struct whorl_test_ *)*state;
    whorl_run_abandon(); /* one that a tear-down left after a failure */
    if (self == NULL || self->mark != whorl_test_end_) {
        print_error("ERROR: the group's set-up has left a state, in which whorl's tests keep what "
                    "to run\n");
        fail();
    }
    whorl_test_begin_(self);
    if (self->setup)
        whorl_test_step_(self, self->setup, "the set-up of ");
    self->must_tear_down = self->teardown != NULL;
    whorl_test_step_(self, NULL, "");
    whorl_test_tear_down_(self);
    self->began = 0;
    if (whorl_trial_end(&self->trial) != 0)
        whorl_test_fail_(self, "");
}

/* cmocka's tear-down, which it calls also if the test failed or was skipped. */
static inline int whorl_test_end_(void **state)
{
    struct whorl_test_ *self = (struct whorl_test_ *)*state;
    if (self == NULL || self->mark != whorl_test_end_ || !self->began)
        return 0;
    self->began = 0;
    if (whorl_trial_left(&self->trial) != 0)
        print_error("ERROR: %s %s\n", self->name, self->trial.complaint);
    whorl_test_tear_down_(self);
    whorl_trial_end(&self->trial);
    return 0;
}

#endif
