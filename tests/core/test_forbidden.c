/*
 * io_uring that is forbidden, missing, or short of locked memory: whorl_run tells which by its
 * result and by a sentence on stderr; nothing is left open.
 *
 * A seccomp filter plays the container's rules; it cannot be taken off, so each test has a child of
 * its own. Locked memory is limited for a child that has given up root.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "child.h"
#include "forbid.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/resource.h>

#ifndef __NR_io_uring_setup
#define __NR_io_uring_setup 425
#define __NR_io_uring_enter 426
#define __NR_io_uring_register 427
#endif

static int started;

static intptr_t note_start(void *arg)
{
    started = 1;
    return (intptr_t)arg;
}

struct forbidden {
    unsigned call; /* its number */
    int error;     /* what it gives */
};

static int run_forbidden(void *arg)
{
    int error = *(int *)arg;
    int before = open_descriptors();

    if (!check_equal(forbid_call(__NR_io_uring_setup, error), 0))
        return 1;
    check_equal(whorl_features(), -error);
    dprintf(STDERR_FILENO, "features were silent\n");
    check_equal(whorl_run(note_start, NULL), -error);
    check_equal(started, 0);
    check_equal(open_descriptors(), before);
    check_equal(whorl_yield(), -EPERM);
    check_equal(whorl_run(NULL, NULL), -EINVAL);
    return 3;
}

/* What the child said after the line that marks where whorl_run was called. */
static const char *sentence_of(const struct child *child)
{
    static const char mark[] = "features were silent\n";

    assert_memory_equal(child->text, mark, sizeof mark - 1);
    return child->text + sizeof mark - 1;
}

static void assert_is_a_sentence(const char *text)
{
    size_t length = strlen(text);

    assert_true(length > 40);
    assert_int_equal(text[length - 1], '\n');
    assert_true(strncmp(text, "whorl: ", 7) == 0);
}

static void a_filter_that_forbids_io_uring_is_told(void **state)
{
    struct child child;
    int error = EPERM;

    (void)state;
    assert_int_equal(child_run(run_forbidden, &error, &child), 0);
    assert_true(child_exited(&child, 3));
    assert_is_a_sentence(sentence_of(&child));
    assert_non_null(strstr(child.text, "seccomp"));
}

static void a_kernel_without_io_uring_is_told(void **state)
{
    struct child child;
    int error = ENOSYS;

    (void)state;
    assert_int_equal(child_run(run_forbidden, &error, &child), 0);
    assert_true(child_exited(&child, 3));
    assert_is_a_sentence(sentence_of(&child));
}

/* Errors that setting up a ring may give, what whorl makes of them, and a part of its sentence. */
static const struct told_error {
    int error;
    int told;
    const char *part;
} told_errors[] = {
    {EINVAL, ENOSYS, "older than Linux"},
    {EACCES, EPERM, "seccomp"},
    {ENFILE, ENFILE, "the system's table of files is full"},
    {EIO, EIO, "could not be set up: Input/output error"},
};

static int meet_an_error(void *arg)
{
    const struct told_error *one = arg;
    int before = open_descriptors();

    if (!check_equal(forbid_call(__NR_io_uring_setup, one->error), 0))
        return 1;
    check_equal(whorl_has_operation(0), -one->told);
    check_equal(whorl_run(note_start, NULL), -one->told);
    check_equal(started, 0);
    check_equal(open_descriptors(), before);
    return 3;
}

static void each_error_of_the_rings_setup_has_its_sentence(void **state)
{
    struct child child;

    (void)state;
    for (size_t i = 0; i < count_of(told_errors); i++) {
        assert_int_equal(child_run(meet_an_error, (void *)&told_errors[i], &child), 0);
        assert_true(child_exited(&child, 3));
        assert_is_a_sentence(child.text);
        assert_non_null(strstr(child.text, told_errors[i].part));
    }
}

static intptr_t spawn_join_sleep(void *arg)
{
    whorl_task *tasks[100];
    whorl_op op = whorl_op_nop();

    for (size_t i = 0; i < count_of(tasks); i++)
        tasks[i] = whorl_spawn(note_start, (void *)i);
    for (size_t i = 0; i < count_of(tasks); i++)
        check_equal(whorl_join(tasks[i]), i);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    for (int i = 0; i < 1000; i++)
        check_equal(whorl_op_await(&op), 0);
    return (intptr_t)arg;
}

/* Gives up root for a user id that no other test uses, so that no other's memory counts. */
static int become_nobody(void)
{
    uid_t user = 200000 + (uid_t)getpid();

    if (geteuid() != 0)
        return 0;
    if (setgroups(0, NULL) != 0 && errno != EPERM)
        return -errno;
    if (setgid(65534) != 0 && errno != EINVAL)
        return -errno;
    if (setuid(user) != 0 && setuid(65534) != 0)
        return -errno;
    return 0;
}

struct shortage {
    rlim_t bytes;
    whorl_config config;
    intptr_t expected;
};

enum { NO_SUCH_USER = 4 };

static int run_short_of_memory(void *arg)
{
    struct shortage *shortage = arg;
    struct rlimit limit = {shortage->bytes, shortage->bytes};
    int before = open_descriptors();

    if (become_nobody() != 0)
        return NO_SUCH_USER;
    check_equal(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    check_equal(whorl_run_with(&shortage->config, spawn_join_sleep, (void *)6), shortage->expected);
    check_equal(open_descriptors(), before);
    return 3;
}

static void run_shortage(struct shortage *shortage, struct child *child)
{
    assert_int_equal(child_run(run_short_of_memory, shortage, child), 0);
    if (WIFEXITED(child->status) && WEXITSTATUS(child->status) == NO_SUCH_USER)
        skip_because("this user cannot become another one");
    assert_true(child_exited(child, 3));
}

static void a_small_memory_lock_limit_makes_a_smaller_ring(void **state)
{
    struct shortage shortage = {65536, {.entries = 4096, .completions = 8192}, 6};
    struct child child;

    (void)state;
    run_shortage(&shortage, &child);
}

static void the_default_ring_runs_under_a_small_memory_lock_limit(void **state)
{
    struct shortage shortage = {65536, {.entries = 0}, 6};
    struct child child;

    (void)state;
    run_shortage(&shortage, &child);
}

/* What the kernel counts for a ring that has been closed it gives back later. */
static int run_again_and_again(void *arg)
{
    struct shortage *shortage = arg;
    struct rlimit limit = {shortage->bytes, shortage->bytes};
    if (become_nobody() != 0)
        return NO_SUCH_USER;
    check_equal(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    for (int i = 0; i < 100; i++)
        check_equal(whorl_run(spawn_join_sleep, (void *)6), shortage->expected);
    return 3;
}

static void run_after_run_finds_memory_for_its_ring(void **state)
{
    struct shortage shortage = {1 << 20, {.entries = 0}, 6};
    struct child child;

    (void)state;
    assert_int_equal(child_run(run_again_and_again, &shortage, &child), 0);
    if (WIFEXITED(child.status) && WEXITSTATUS(child.status) == NO_SUCH_USER)
        skip_because("this user cannot become another one");
    assert_true(child_exited(&child, 3));
}

/* Asks the kernel itself for the smallest ring without any locked memory: 1 if it gives one, since
 * kernels differ in whether they charge rings, 0 if it gives -ENOMEM. */
static int ask_for_a_free_ring(void *arg)
{
    struct rlimit limit = {0, 0};
    unsigned parameters[30] = {0}; /* struct io_uring_params, 120 bytes */
    long fd;

    (void)arg;
    if (become_nobody() != 0 || setrlimit(RLIMIT_MEMLOCK, &limit) != 0)
        return NO_SUCH_USER;
    fd = syscall(__NR_io_uring_setup, 1, parameters);
    return fd >= 0 ? 1 : check_equal(errno, ENOMEM) ? 0 : 2;
}

static bool rings_are_charged(void)
{
    struct child child;

    assert_int_equal(child_run(ask_for_a_free_ring, NULL, &child), 0);
    assert_true(WIFEXITED(child.status));
    if (WEXITSTATUS(child.status) == NO_SUCH_USER)
        skip_because("this user cannot become another one");
    assert_true(WEXITSTATUS(child.status) <= 1);
    return WEXITSTATUS(child.status) == 0;
}

static void no_locked_memory_at_all_is_told(void **state)
{
    struct shortage shortage = {0, {.entries = 0}, -ENOMEM};
    struct child child;

    (void)state;
    if (!rings_are_charged())
        skip_because("this kernel does not count a ring against RLIMIT_MEMLOCK");
    run_shortage(&shortage, &child);
    assert_is_a_sentence(child.text);
    assert_non_null(strstr(child.text, "RLIMIT_MEMLOCK"));
}

static int run_without_descriptors(void *arg)
{
    struct rlimit limit;
    int last = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)arg;
    check_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = (rlim_t)last + 1;
    check_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    check_equal(whorl_run(note_start, NULL), -EMFILE);
    check_equal(started, 0);
    check_equal(whorl_features(), -EMFILE);
    close(last);
    check_equal(whorl_run(spawn_join_sleep, (void *)6), 6);
    return 3;
}

static void no_descriptor_left_for_the_ring_is_told(void **state)
{
    struct child child;

    (void)state;
    assert_int_equal(child_run(run_without_descriptors, state, &child), 0);
    assert_true(child_exited(&child, 3));
}

static int run_with_one_call_forbidden(void *arg)
{
    const struct forbidden *forbidden = arg;
    int before = open_descriptors();

    if (!check_equal(forbid_call(forbidden->call, forbidden->error), 0))
        return 1;
    check_equal(whorl_run(spawn_join_sleep, (void *)6), -forbidden->error);
    check_equal(open_descriptors(), before);
    return 3;
}

static void a_filter_that_forbids_only_some_of_io_uring_is_told(void **state)
{
    static struct forbidden cases[] = {
        {__NR_io_uring_enter, EPERM},
        {__NR_io_uring_enter, ENOSYS},
        {__NR_io_uring_register, EPERM},
        {__NR_io_uring_register, ENOSYS},
    };

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        struct child child;

        assert_int_equal(child_run(run_with_one_call_forbidden, &cases[i], &child), 0);
        assert_true(child_exited(&child, 3));
        assert_is_a_sentence(child.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_filter_that_forbids_io_uring_is_told),
        behaviour(a_kernel_without_io_uring_is_told),
        behaviour(each_error_of_the_rings_setup_has_its_sentence),
        behaviour(a_small_memory_lock_limit_makes_a_smaller_ring),
        behaviour(the_default_ring_runs_under_a_small_memory_lock_limit),
        behaviour(run_after_run_finds_memory_for_its_ring),
        behaviour(no_locked_memory_at_all_is_told),
        behaviour(no_descriptor_left_for_the_ring_is_told),
        behaviour(a_filter_that_forbids_only_some_of_io_uring_is_told),
    };

    return run_behaviours("forbidden", tests);
}
