/*
 * A child process for a test that may die, lower limits or close doors behind itself.
 *
 * child_run forks (outside any run), gives the child a pipe as its stderr, and reads that pipe to
 * its end. The child uses check and check_equal of support.h; when one fails, it ends with
 * CHILD_FAILED whatever its body returned. A child that hangs is ended by its own alarm.
 */
#ifndef TESTS_CORE_CHILD_H
#define TESTS_CORE_CHILD_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

enum { CHILD_FAILED = 99, CHILD_SECONDS = UNDER_THREAD_SANITIZER ? 300 : 100 };

struct child {
    int status;      /* as waitpid(2) gives it */
    char text[8192]; /* what the child wrote to stderr, cut at the array's end, a string */
};

static inline void child_read_all(int fd, struct child *child)
{
    size_t used = 0;
    char rest[512];

    for (;;) {
        size_t room = sizeof child->text - 1 - used;
        ssize_t got = room > 0 ? read(fd, child->text + used, room) : read(fd, rest, sizeof rest);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        if (room > 0)
            used += (size_t)got;
    }
    child->text[used] = '\0';
}

static inline void finish_child(int result)
{
    fflush(NULL);
    _exit(failed_checks() != 0 ? CHILD_FAILED : result);
}

/* Runs body(arg) in a child and fills *child. The child's exit status is the body's result.
 * Returns 0, or -errno when there was no child. */
static inline int child_run(int (*body)(void *arg), void *arg, struct child *child)
{
    int ends[2];
    pid_t pid;

    if (pipe(ends) != 0)
        return -errno;
    fflush(NULL);
    pid = fork();
    if (pid < 0) {
        int error = errno;

        close(ends[0]);
        close(ends[1]);
        return -error;
    }
    if (pid == 0) {
        alarm(CHILD_SECONDS);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        finish_child(body(arg));
    }
    close(ends[1]);
    child_read_all(ends[0], child);
    close(ends[0]);
    while (waitpid(pid, &child->status, 0) < 0) {
        if (errno != EINTR)
            return -errno;
    }
    return 0;
}

/* Whether the child ended by exit with `code`; if not, tells how it did end and what it said. */
static inline int child_exited(const struct child *child, int code)
{
    if (WIFEXITED(child->status) && WEXITSTATUS(child->status) == code)
        return 1;
    if (WIFEXITED(child->status))
        printf("the child ended with status %d, not %d; its stderr:\n%s\n",
               WEXITSTATUS(child->status), code, child->text);
    else
        printf("the child was ended by signal %d; its stderr:\n%s\n", WTERMSIG(child->status),
               child->text);
    return 0;
}

/* A test's whole body: body(arg) in a child, which must end with status 0. */
static inline void run_in_child(int (*body)(void *arg), void *arg)
{
    struct child child;
    assert_int_equal(child_run(body, arg, &child), 0);
    assert_true(child_exited(&child, 0));
}

struct child_task {
    const whorl_config *config;
    whorl_fn *fn;
    void *arg;
};

static inline int child_run_task(void *arg)
{
    const struct child_task *task = arg;
    return (int)whorl_run_with(task->config, task->fn, task->arg);
}

/* The same for fn(arg) as the main task of a run in the child; its result must be 0. */
static inline void run_checks_in_child(const whorl_config *config, whorl_fn *fn, void *arg)
{
    run_in_child(child_run_task, &(struct child_task){config, fn, arg});
}

#endif
