/* Many processes: a thousand one after another and side by side, at random,
 * without one too many. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os/children.h"

#include <stdio.h>

enum { CHILDREN = 1000, AT_ONCE = 16, CROWD = 200, ACTORS = 8 };

static int living, most, ended;

static intptr_t run_one(void *arg)
{
    static const char *const codes[] = {"exit 0", "exit 1", "exit 2", "exit 3"};
    int code = (int)(intptr_t)arg;
    living++;
    if (living > most)
        most = living;
    check_equal(whorl_process_run(&shell(codes[code]), NULL, 0, NULL, LONG_ENOUGH), code);
    living--;
    ended++;
    return 0;
}

static intptr_t run_a_thousand(void *arg)
{
    whorl_group group;
    int result = whorl_group_init(&group);
    (void)arg;
    living = most = ended = 0;
    for (intptr_t i = 0; i < CHILDREN && result == 0; i++)
        result = whorl_group_spawn_limited(&group, AT_ONCE, run_one, (void *)(i % 4));
    check_equal(whorl_group_wait(&group, result), 0);
    check_equal(ended, CHILDREN);
    printf("%d children, %d at once\n", ended, most);
    check(most > 1 && most <= AT_ONCE);
    return check_no_children() ? 0 : -1;
}

static void a_thousand_children_are_started_and_waited_for(void **state)
{
    (void)state;
    run_checks(run_a_thousand, NULL);
    run_checks_with(&(whorl_config){.without = WHORL_FEATURE_OP_WAITID}, run_a_thousand, NULL);
}

static intptr_t wait_for_it(void *process)
{
    return whorl_process_wait(process);
}

/* All live at once, and end at once: at the end of the one pipe that they read. */
static intptr_t hold_a_crowd(void *arg)
{
    whorl_process *processes[CROWD];
    whorl_task *tasks[CROWD];
    whorl_process_options options = shell("read line");
    pair gate = pipe_pair();
    (void)arg;
    options.in = gate.ends[0];
    for (int i = 0; i < CROWD; i++) {
        check_equal(whorl_process_spawn(&options, &processes[i]), 0);
        tasks[i] = whorl_spawn(wait_for_it, processes[i]);
    }
    check_equal(whorl_sleep(1), 0);
    for (int i = 0; i < CROWD; i++)
        check_equal(whorl_process_status(processes[i], NULL), -EAGAIN);
    close_pair(&gate);
    for (int i = 0; i < CROWD; i++)
        check_equal(whorl_join(tasks[i]), 1);
    check_no_children();
    for (int i = 0; i < CROWD; i++)
        check_equal(whorl_process_free(processes[(i * 7) % CROWD]), 0);
    return 0;
}

static void a_crowd_that_ends_at_once_is_waited_for(void **state)
{
    (void)state;
    run_checks(hold_a_crowd, NULL);
    run_checks_with(&(whorl_config){.without = WHORL_FEATURE_OP_WAITID}, hold_a_crowd, NULL);
}

/* --- At random --- */

struct actor {
    random_source source;
    long rounds;
};

static intptr_t do_anything(void *arg)
{
    struct actor *actor = arg;
    whorl_process_options options = shell("cat; exit 3");
    whorl_process_output output = {0};
    whorl_process *process;
    options.in = options.out = WHORL_PIPE;
    int result = whorl_process_spawn(&options, &process);
    if (result < 0)
        return result;
    switch (random_below(&actor->source, 5)) {
    case 0:
        result = whorl_process_wait(process); /* for ever, but for the cancel */
        break;
    case 1:
        result = whorl_process_communicate(process, "text", 4, &output, LONG_ENOUGH);
        if (result >= 0)
            check_text(output.out, "text");
        break;
    case 2:
        result = whorl_process_terminate(process, WHORL_US(random_below(&actor->source, 2000)));
        break;
    case 3:
        result = whorl_process_kill(process, SIGKILL);
        if (result == 0)
            result = whorl_process_wait(process);
        break;
    default:
        break;
    }
    if (random_below(&actor->source, 2))
        check_equal(whorl_process_free(process), 0);
    free(output.out);
    return result;
}

static intptr_t act(void *arg)
{
    struct actor *actor = arg;
    for (long i = 0; i < actor->rounds; i++) {
        whorl_task *task = whorl_spawn(do_anything, actor);
        intptr_t result = whorl_wait_for(task, WHORL_US(random_below(&actor->source, 4000)));
        if (result != -ETIMEDOUT && result != 0 && result != 3 &&
            result != WHORL_SIGNALLED + SIGTERM && result != WHORL_SIGNALLED + SIGKILL)
            check_failed("a life ended with %zd", (ssize_t)result);
    }
    return 0;
}

static intptr_t act_side_by_side(void *arg)
{
    struct actor actors[ACTORS];
    whorl_call calls[ACTORS];
    (void)arg;
    for (int i = 0; i < ACTORS; i++) {
        actors[i] = (struct actor){random_from_seed((uint64_t)i), test_rounds(30)};
        calls[i] = (whorl_call){act, &actors[i]};
    }
    check_equal(whorl_gather_calls(calls, ACTORS, NULL, 0), 0);
    return check_no_children() ? 0 : -1;
}

static void random_lives_leave_nothing(void **state)
{
    (void)state;
    run_checks(act_side_by_side, NULL);
    run_checks_with(&(whorl_config){.without = UINT64_MAX}, act_side_by_side, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_thousand_children_are_started_and_waited_for),
        behaviour(a_crowd_that_ends_at_once_is_waited_for),
        behaviour(random_lives_leave_nothing),
    };
    return run_behaviours("process many", tests);
}
