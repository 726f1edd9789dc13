/*
 * Every call that a thread makes, one after another, in all the ways in which it must have no
 * effect: outside a task, in a cancelled one, cancelled behind a thread that is busy, and without a
 * thread. And in one in which it must: cancelled at any time.
 */
#include "fs/refusals.h"

#include "fs/only_thread.h"
#include "fs/small_disk.h"

#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

/* --- The calls: each would give >= 0 in the directory that make_names makes --- */

static int fd, root, locked;
static char text[512];
static char pattern[sizeof(test_path)];
static char *resolved;

#define CALL(name, ...)                                                                            \
    static intptr_t call_##name(void *arg)                                                         \
    {                                                                                              \
        (void)arg;                                                                                 \
        return whorl_##name(__VA_ARGS__);                                                          \
    }

static const struct timespec past[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
static struct statvfs system_status;

#define EACH(DO)                                                                                   \
    DO(readlink, path_of("link").text, text, sizeof text)                                          \
    DO(readlinkat, root, "link", text, sizeof text)                                                \
    DO(realpath, path_of("link").text, &resolved)                                                  \
    DO(access, path_of("file").text, R_OK)                                                         \
    DO(faccessat, root, "file", R_OK, 0)                                                           \
    DO(chmod, path_of("file").text, 0604)                                                          \
    DO(fchmod, fd, 0604)                                                                           \
    DO(fchmodat, root, "file", 0604, 0)                                                            \
    DO(chown, path_of("file").text, geteuid(), getegid())                                          \
    DO(lchown, path_of("link").text, geteuid(), getegid())                                         \
    DO(fchown, fd, geteuid(), getegid())                                                           \
    DO(fchownat, root, "file", geteuid(), getegid(), 0)                                            \
    DO(utimensat, root, "file", past, 0)                                                           \
    DO(futimens, fd, past)                                                                         \
    DO(truncate, path_of("file").text, 1)                                                          \
    DO(statvfs, "/", &system_status)                                                               \
    DO(fstatvfs, fd, &system_status)                                                               \
    DO(mkfifo, path_of("new-fifo").text, 0600)                                                     \
    DO(mkfifoat, root, "new-fifo-2", 0600)                                                         \
    DO(mknod, path_of("new-node").text, S_IFREG | 0600, 0)                                         \
    DO(mknodat, root, "new-node-2", S_IFREG | 0600, 0)                                             \
    DO(mkdir_all, path_of("new/directory").text, 0700)                                             \
    DO(mkdtemp, pattern)                                                                           \
    DO(mkstemp, pattern)                                                                           \
    DO(mkostemp, pattern, O_CLOEXEC)                                                               \
    DO(mkostemps, pattern, 0, O_CLOEXEC)                                                           \
    DO(tmpfile, path_of("").text)                                                                  \
    DO(copy_file_range, fd, &(off_t){0}, locked, &(off_t){0}, 4, 0)                                \
    DO(syncfs, fd)                                                                                 \
    DO(flock, locked, LOCK_EX)                                                                     \
    DO(listxattr, path_of("file").text, text, sizeof text)                                         \
    DO(llistxattr, path_of("link").text, text, sizeof text)                                        \
    DO(flistxattr, fd, text, sizeof text)                                                          \
    DO(lsetxattr, path_of("file").text, "user.a", "a", 1, 0)                                       \
    DO(lgetxattr, path_of("file").text, "user.a", text, sizeof text)                               \
    DO(removexattr, path_of("file").text, "user.a")                                                \
    DO(lremovexattr, path_of("file").text, "user.b")                                               \
    DO(fremovexattr, fd, "user.c")

EACH(CALL)

#define ROW(name, ...) {#name, call_##name},
static const struct {
    const char *name;
    whorl_fn *call;
} calls[] = {EACH(ROW)};

static void make_names(void)
{
    root = open(path_of("").text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fd = openat(root, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    locked = openat(root, "locked", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    check_equal(write(fd, "content", 7), 7);
    check_equal(symlinkat("file", root, "link"), 0);
}

static void close_names(void)
{
    check_equal(close(fd) + close(locked) + close(root), 0);
}

/* --- No effect --- */

/* What the calls could have changed: seen in a few numbers. */
struct state_of_names {
    struct stat directory, file, link, locked;
    int names;
    int descriptors;
};

static struct state_of_names look(void)
{
    struct state_of_names state;
    memset(&state, 0, sizeof state);
    check_equal(fstat(root, &state.directory), 0);
    check_equal(fstat(fd, &state.file), 0);
    check_equal(fstatat(root, "link", &state.link, AT_SYMLINK_NOFOLLOW), 0);
    check_equal(fstat(locked, &state.locked), 0);
    state.names = names_in(path_of("").text);
    state.descriptors = open_descriptors();
    return state;
}

static void forget_access(struct state_of_names *state)
{
    struct timespec never = {0};
    state->directory.st_atim = state->file.st_atim = state->link.st_atim = never;
    state->locked.st_atim = never;
}

static void check_untouched(struct state_of_names before)
{
    struct state_of_names after = look();
    forget_access(&before);
    forget_access(&after);
    check_equal(memcmp(&before, &after, sizeof before), 0);
    check_text(pattern, path_of("t-XXXXXX").text);
    check(resolved == NULL);
    check_equal(text[0], 0);
    check_equal(flock(locked, LOCK_EX | LOCK_NB), 0);
    check_equal(flock(locked, LOCK_UN), 0);
}

static void reset(void)
{
    strcpy(pattern, path_of("t-XXXXXX").text);
    text[0] = '\0';
    resolved = NULL;
}

/* Makes each call by `make`, which must give `expected` and change nothing. */
static void check_refused(intptr_t (*make)(whorl_fn *call, void *arg), intptr_t expected)
{
    reset();
    check_equal(make(calls[0].call, NULL), expected); /* and the run has all its descriptors */
    struct state_of_names before = look();
    for (size_t i = 0; i < count_of(calls); i++) {
        intptr_t result = make(calls[i].call, NULL);
        if (result != expected)
            check_failed("%s gives %jd, not %jd", calls[i].name, (intmax_t)result,
                         (intmax_t)expected);
    }
    check_untouched(before);
}

static intptr_t make_call(whorl_fn *call, void *arg)
{
    return call(arg);
}

static void outside_a_task_no_call_is_made(void **state)
{
    (void)state;
    make_names();
    check_refused(make_call, -EPERM);
    close_names();
}

static intptr_t call_in_a_cancelled_task(void *arg)
{
    check_equal(whorl_cancel(whorl_self()), 0);
    check_refused(make_call, -ECANCELED);
    return (intptr_t)arg;
}

static void in_a_cancelled_task_no_call_is_made(void **state)
{
    (void)state;
    make_names();
    run_checks(call_in_a_cancelled_task, NULL);
    close_names();
}

static intptr_t call_behind_others(void *arg)
{
    check_refused(cancelled_in_queue, -ECANCELED);
    return (intptr_t)arg;
}

static void cancelled_behind_others_a_call_is_not_made(void **state)
{
    (void)state;
    make_names();
    run_checks_with(&one_thread, call_behind_others, NULL);
    close_names();
}

/* A lock is asked for until there is a thread: it could not be told from one that is taken. */
static intptr_t make_call_unless_lock(whorl_fn *call, void *arg)
{
    return call == call_flock ? -EAGAIN : call(arg);
}

static intptr_t call_without_threads(void *arg)
{
    atomic_store(&refuses_threads, true);
    check_refused(make_call_unless_lock, -EAGAIN);
    atomic_store(&refuses_threads, false);
    return (intptr_t)arg;
}

static void without_a_thread_no_call_is_made(void **state)
{
    (void)state;
    make_names();
    run_checks(call_without_threads, NULL);
    close_names();
}

/* --- An effect, and its result --- */

static intptr_t call_each(void *arg)
{
    static const char *const names[] = {"user.b", "user.c"};
    for (size_t i = 0; i < count_of(names); i++)
        check_equal(fsetxattr(fd, names[i], "", 0, 0), 0);
    for (size_t i = 0; i < count_of(calls); i++) {
        reset();
        intptr_t result = calls[i].call(NULL);
        if (result < 0)
            check_failed("%s gives %jd", calls[i].name, (intmax_t)result);
        free(resolved);
        if (strstr(calls[i].name, "stemp") || strcmp(calls[i].name, "tmpfile") == 0)
            close((int)result);
    }
    return (intptr_t)arg;
}

static void each_call_is_made_by_a_thread(void **state)
{
    (void)state;
    make_names();
    run_checks(call_each, NULL);
    close_names();
}

/* A cancel meets the thread somewhere: a file is made and its descriptor given, or it is not. */
static intptr_t make_temporary(void *arg)
{
    test_path *path = arg;
    *path = path_of("t-XXXXXX");
    return whorl_mkostemp(path->text, O_CLOEXEC);
}

static intptr_t race_cancels(void *arg)
{
    long rounds = test_rounds(UNDER_SANITIZER ? 500 : 3000), cancelled = 0;
    random_source source = random_from_seed(3);
    for (long i = 0; i < rounds; i++) {
        test_path path;
        whorl_task *task = whorl_spawn(make_temporary, &path);
        check_equal(whorl_yield(), 0);
        for (volatile int wait = (int)random_below(&source, 20000); wait > 0; wait--)
            continue;
        whorl_cancel(task);
        intptr_t result = whorl_join(task);
        if (result >= 0) {
            check_equal(close((int)result), 0);
            check_equal(unlink(path.text), 0);
        } else {
            check_equal(result, -ECANCELED);
            check_text(path.text, path_of("t-XXXXXX").text);
            cancelled++;
        }
    }
    check_equal(names_in(path_of("").text), 3);
    print_message("%ld rounds, %ld cancelled\n", rounds, cancelled);
    return (intptr_t)arg;
}

static void a_cancel_at_any_time_loses_no_descriptor_and_no_name(void **state)
{
    (void)state;
    make_names();
    run_checks(race_cancels, NULL);
    close_names();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(outside_a_task_no_call_is_made),
        behaviour(in_a_cancelled_task_no_call_is_made),
        behaviour(cancelled_behind_others_a_call_is_not_made),
        behaviour(without_a_thread_no_call_is_made),
        behaviour(each_call_is_made_by_a_thread),
        behaviour(a_cancel_at_any_time_loses_no_descriptor_and_no_name),
    };
    return run_behaviours("on_thread", tests);
}
