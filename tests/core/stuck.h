/*
 * Scenes for the tests of deadlocks: runs in child processes, whose stderr is read; each twice, as
 * a thread can run again; and tasks that wait for main, and clean up after themselves.
 */
#ifndef TESTS_CORE_STUCK_H
#define TESTS_CORE_STUCK_H

#include "child.h"

#define FAR WHORL_SECONDS(1000000)

static whorl_task *main_task;
static int cleaned;

/* A run, and what it must come to. */
struct scene {
    whorl_fn *main;
    whorl_config config;
    intptr_t result; /* of the run */
    int cleaned;     /* how many tasks have cleaned up */
};

static inline int play(void *arg)
{
    const struct scene *scene = arg;
    for (int i = 0; i < 2; i++) {
        cleaned = 0;
        check_equal(whorl_run_with(&scene->config, scene->main, NULL), scene->result);
        check_equal(cleaned, scene->cleaned);
    }
    return 0;
}

static inline void watch(const struct scene *scene, struct child *child)
{
    assert_int_equal(child_run(play, (void *)scene, child), 0);
    assert_true(child_exited(child, 0));
}

/* Whether a line says that the task waits for something in which `awaited` is named. */
static inline int is_told(const struct child *child, const char *name, const char *awaited)
{
    char start[64];
    snprintf(start, sizeof start, " %s waits for ", name);
    const char *line = strstr(child->text, start);
    const char *end = line ? strchr(line, '\n') : NULL;
    const char *found = line ? strstr(line + strlen(start) - 1, awaited) : NULL;
    if (found && found < end)
        return 1;
    printf("not told: %s waits for %s; but:\n%s", name, awaited, child->text);
    return 0;
}

static inline whorl_task *spawn(const char *name, whorl_fn *fn)
{
    whorl_spawn_options options = {.name = name};
    return whorl_spawn_with(&options, fn, NULL);
}

static inline intptr_t clean_up(void *arg)
{
    (void)arg;
    check_equal(whorl_cancelling(whorl_self()), 1);
    check_equal(whorl_sleep(WHORL_MS(2)), 0);
    cleaned++;
    return 0;
}

static inline void defer_cleanup(void)
{
    check_equal(whorl_defer(clean_up, NULL), 0);
}

static inline intptr_t wait_for(whorl_task *task)
{
    defer_cleanup();
    check_equal(whorl_wait(&task, 1, WHORL_ALL_COMPLETED, WHORL_FOREVER), -ECANCELED);
    check_equal(whorl_yield(), -ECANCELED);
    return 3;
}

static inline intptr_t wait_for_main(void *arg)
{
    (void)arg;
    return wait_for(main_task);
}

static inline intptr_t sleep_first(void *arg)
{
    check_equal(whorl_sleep(WHORL_MS(2)), 0);
    return wait_for_main(arg);
}

#endif
