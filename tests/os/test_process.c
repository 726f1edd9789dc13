/*
 * Starting processes: the program, its arguments, environment and directory; and everything that
 * can go wrong, after which nothing is left.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"
#include "os/children.h"
#include "os/threads.h"

#include <stdio.h>
#include <sys/stat.h>

/* --- The program --- */

static intptr_t find_programs(void *arg)
{
    const char *const plain[] = {"printf", "%s-%s", "one two", "", NULL};
    const char *const by_path[] = {"/bin/echo", "-n", "three", NULL};
    (void)arg;
    check_equal(says((whorl_process_options){.argv = plain}, "one two-"), 0);
    check_equal(says((whorl_process_options){.argv = by_path}, "three"), 0);
    check_equal(says(shell("exit 7"), ""), 7);
    check_equal(says(shell("exit 255"), ""), 255);
    check_equal(says(shell("kill -KILL $$"), ""), WHORL_SIGNALLED + SIGKILL);
    check_equal(says(shell("echo text; kill -TERM $$"), "text\n"), WHORL_SIGNALLED + SIGTERM);
    return check_no_children() ? 0 : -1;
}

static void a_program_runs_and_tells_how_it_ended(void **state)
{
    (void)state;
    run_checks_on_all_features(find_programs, NULL);
}

/* Each with pipes, which are to be closed again. */
static int fail_to_run(const char *program)
{
    const char *const argv[] = {program, NULL};
    return fail_to_spawn((whorl_process_options){
        .argv = argv, .in = WHORL_PIPE, .out = WHORL_PIPE, .err = WHORL_PIPE});
}

static intptr_t run_what_is_none(void *arg)
{
    test_path file = path_of("file");
    test_path script = path_of("script");
    (void)arg;
    write_whole(file.text, "text", 4);
    write_whole(script.text, "no magic", 8);
    check_equal(chmod(script.text, 0700), 0);
    check_equal(fail_to_run("no-such-program-anywhere"), -ENOENT);
    check_equal(fail_to_run("/no/such/program"), -ENOENT);
    check_equal(fail_to_run(""), -ENOENT);
    check_equal(fail_to_run(file.text), -EACCES);
    check_equal(fail_to_run(path_of("").text), -EACCES);
    check_equal(fail_to_run(script.text), -ENOEXEC);
    return 0;
}

static void a_program_that_cannot_run_is_told_and_leaves_nothing(void **state)
{
    (void)state;
    run_checks(run_what_is_none, NULL);
}

/* A script `tool` in a directory of the test's, that prints the directory's name. */
static void make_tool(const char *directory, mode_t mode)
{
    char name[32], script[64];
    check_equal(mkdir(path_of(directory).text, 0700), 0);
    snprintf(name, sizeof name, "%s/tool", directory);
    int len = snprintf(script, sizeof script, "#!/bin/sh\necho %s\n", directory);
    write_whole(path_of(name).text, script, (size_t)len);
    check_equal(chmod(path_of(name).text, mode), 0);
}

static int find_tool(const char *path, const char *expected)
{
    const char *const argv[] = {"tool", NULL};
    test_path cwd = path_of("first");
    check_equal(setenv("PATH", path, 1), 0);
    return says((whorl_process_options){.argv = argv, .cwd = cwd.text}, expected);
}

/* As execvp(3) has it; what is relative counts from the child's directory. */
static intptr_t search(void *arg)
{
    char path[1024], *former = strdup(getenv("PATH"));
    test_path base = path_of("");
    make_tool("first", 0700);
    make_tool("second", 0700);
    make_tool("denied", 0600);
    snprintf(path, sizeof path, "/no/such:%s/denied:%s/second:%s/first", base.text, base.text,
             base.text);
    check_equal(find_tool(path, "second\n"), 0);
    check_equal(find_tool("/no/such:../second", "second\n"), 0);
    check_equal(find_tool("/no/such::../second", "first\n"), 0);
    check_equal(find_tool("", "first\n"), 0);
    snprintf(path, sizeof path, "%s/denied:/no/such", base.text);
    check_equal(find_tool(path, ""), -EACCES);
    check_equal(find_tool("/no/such:/nor/this", ""), -ENOENT);
    check_equal(unsetenv("PATH"), 0);
    check_equal(says(shell("exit 5"), ""), 5);
    check_equal(says((whorl_process_options){.argv = (const char *const[]){"true", NULL}}, ""), 0);
    check_equal(setenv("PATH", former, 1), 0);
    free(former);
    return (intptr_t)arg;
}

static void a_name_without_a_slash_is_looked_for_in_the_path(void **state)
{
    (void)state;
    run_checks(search, NULL);
}

static intptr_t misuse(void *arg)
{
    const char *const nothing[] = {NULL};
    const char *const good[] = {"true", NULL};
    whorl_process *process;
    (void)arg;
    check_equal(whorl_process_spawn(NULL, &process), -EINVAL);
    check_equal(whorl_process_spawn(&shell("true"), NULL), -EINVAL);
    check_equal(whorl_process_run(NULL, NULL, 0, NULL, 1), -EINVAL);
    check_equal(fail_to_spawn((whorl_process_options){0}), -EINVAL);
    check_equal(fail_to_spawn((whorl_process_options){.argv = nothing}), -EINVAL);
    check_equal(fail_to_spawn((whorl_process_options){.argv = good, .flags = 4}), -EINVAL);
    check_equal(fail_to_spawn((whorl_process_options){.argv = good, .in = -4}), -EINVAL);
    check_equal(fail_to_spawn((whorl_process_options){.argv = good, .in = WHORL_STDOUT}), -EINVAL);
    check_equal(fail_to_spawn((whorl_process_options){.argv = good, .out = WHORL_STDOUT}), -EINVAL);
    check_equal(fail_to_spawn((whorl_process_options){.argv = good, .err = -4}), -EINVAL);
    check_equal(whorl_process_pid(NULL), -1);
    check_equal(whorl_process_stdin(NULL), -1);
    check_equal(whorl_process_stdout(NULL), -1);
    check_equal(whorl_process_stderr(NULL), -1);
    return 0;
}

static void misuse_is_refused(void **state)
{
    whorl_process_options options = shell("true");
    (void)state;
    run_checks(misuse, NULL);
    /* Outside of tasks. */
    check_equal(fail_to_spawn(options), -EPERM);
    check_equal(whorl_process_run(&options, NULL, 0, NULL, 1), -EPERM);
}

/* --- Environment, directory --- */

static intptr_t set_surroundings(void *arg)
{
    const char *const env[] = {"FIRST=1", "SECOND=two", NULL};
    whorl_process_options options = shell("echo $FIRST $SECOND $WHORL_TEST_INHERITED");
    test_path directory = path_of("below");
    test_path file = path_of("file");
    char expected[300];
    (void)arg;
    check_equal(setenv("WHORL_TEST_INHERITED", "yes", 1), 0);
    check_equal(says(options, "yes\n"), 0);
    options.env = env;
    check_equal(says(options, "1 two\n"), 0);

    check_equal(mkdir(directory.text, 0700), 0);
    options = shell("pwd -P");
    options.cwd = directory.text;
    snprintf(expected, sizeof expected, "%s\n", directory.text);
    check_equal(says(options, expected), 0);
    write_whole(path_of("below/here").text, "#!/bin/sh\necho here\n", 20);
    check_equal(chmod(path_of("below/here").text, 0700), 0);
    const char *const relative[] = {"./here", NULL};
    options.argv = relative;
    check_equal(says(options, "here\n"), 0);

    write_whole(file.text, "", 0);
    options = shell("true");
    options.cwd = file.text;
    check_equal(fail_to_spawn(options), -ENOTDIR);
    options.cwd = "/no/such/directory";
    check_equal(fail_to_spawn(options), -ENOENT);
    return 0;
}

static void environment_and_directory_are_as_asked(void **state)
{
    (void)state;
    run_checks(set_surroundings, NULL);
}

static intptr_t wait_for_post(void *semaphore)
{
    await_semaphore(semaphore);
    return 0;
}

static intptr_t wait_on_a_thread(void *semaphore)
{
    return whorl_to_thread(wait_for_post, semaphore);
}

static intptr_t ask_for_the_former(void *arg)
{
    const char *const argv[] = {"sh", "-c", "echo $WHORL_TEST_CHANGED", NULL};
    return says((whorl_process_options){.argv = argv}, arg);
}

/* The only thread is busy, so the child starts after the change. */
static intptr_t change_while_it_starts(void *arg)
{
    sem_t go;
    sem_init(&go, 0, 0);
    char *former = strdup(getenv("PATH"));
    check_equal(setenv("WHORL_TEST_CHANGED", "former", 1), 0);
    whorl_task *busy = whorl_spawn(wait_on_a_thread, &go);
    check_equal(whorl_yield(), 0);
    whorl_task *starter = whorl_spawn(ask_for_the_former, "former\n");
    check_equal(whorl_yield(), 0);
    check_equal(clearenv(), 0);
    check_equal(setenv("PATH", "/no/such/directory", 1), 0);
    check_equal(setenv("WHORL_TEST_CHANGED", "changed", 1), 0);
    check_equal(sem_post(&go), 0);
    check_equal(whorl_join(busy), 0);
    check_equal(whorl_join(starter), 0);
    check_equal(setenv("PATH", former, 1), 0);
    free(former);
    sem_destroy(&go);
    return (intptr_t)arg;
}

static void a_child_gets_the_environment_of_when_it_was_asked_for(void **state)
{
    whorl_config config = {.threads = 1};
    (void)state;
    run_checks_with(&config, change_while_it_starts, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_program_runs_and_tells_how_it_ended),
        behaviour(a_program_that_cannot_run_is_told_and_leaves_nothing),
        behaviour(a_name_without_a_slash_is_looked_for_in_the_path),
        behaviour(misuse_is_refused),
        behaviour(environment_and_directory_are_as_asked),
        behaviour(a_child_gets_the_environment_of_when_it_was_asked_for),
    };
    return run_behaviours("process", tests);
}
