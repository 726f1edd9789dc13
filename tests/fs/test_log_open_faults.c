/*
 * Opening a log whose disk fails at some step: each read, and each other call, gives an error in
 * its turn (the linker's --wrap). The open gives that error, leaves the file as it is and nothing
 * open, and can be made again; then it finds all that it should.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/log_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGE = 300000, STEPS_MOST = 60 }; /* LARGE: more than is read at a time */

static int steps_left = -1; /* the call of this number fails; negative: none */
static bool has_failed;

/* Whether this call is the one. */
static bool fails(void)
{
    if (steps_left < 0 || steps_left-- > 0)
        return false;
    has_failed = true;
    return true;
}

ssize_t __real_whorl_pread(int fd, void *buf, size_t len, off_t offset);
ssize_t __wrap_whorl_pread(int fd, void *buf, size_t len, off_t offset);
ssize_t __wrap_whorl_pread(int fd, void *buf, size_t len, off_t offset)
{
    return fails() ? -EIO : __real_whorl_pread(fd, buf, len, offset);
}

int __real_whorl_statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *buf);
int __wrap_whorl_statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *buf);
int __wrap_whorl_statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *buf)
{
    return fails() ? -EIO : __real_whorl_statx(dirfd, path, flags, mask, buf);
}

int __real_whorl_open(const char *path, int flags, ...);
int __wrap_whorl_open(const char *path, int flags, ...);
int __wrap_whorl_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return fails() ? -EIO : __real_whorl_open(path, flags, mode);
}

int __real_whorl_fsync(int fd);
int __wrap_whorl_fsync(int fd);
int __wrap_whorl_fsync(int fd)
{
    return fails() ? -EIO : __real_whorl_fsync(fd);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

char *__real_strndup(const char *text, size_t len);
char *__wrap_strndup(const char *text, size_t len);
char *__wrap_strndup(const char *text, size_t len)
{
    return fails() ? NULL : __real_strndup(text, len);
}

ssize_t __real_getrandom(void *buf, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *buf, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *buf, size_t len, unsigned flags)
{
    if (!fails())
        return __real_getrandom(buf, len, flags);
    errno = EIO;
    return -1;
}

static whorl_log log_here;

/* Opens the log until no step is left that fails. Gives how many there were; the log is open. */
static int open_past_failures(const char *name)
{
    int failing = 0;
    for (bool is_past = false; !is_past && failing < STEPS_MOST; failing++) {
        int before = open_descriptors();
        steps_left = failing;
        has_failed = false;
        int error = whorl_log_open(&log_here, name, NULL);
        steps_left = -1;
        is_past = !has_failed;
        if (is_past)
            check_equal(error, 0);
        else
            check(error == -EIO || error == -ENOMEM);
        check_equal(open_descriptors(), before + is_past);
    }
    return failing - 1;
}

/* --- Making --- */

static intptr_t make_past_failures(void *arg)
{
    (void)arg;
    check_equal(chdir(path_of("").text), 0);
    int steps = open_past_failures("log");
    check(steps >= 6);
    check_equal(whorl_log_append(&log_here, "a", 1), 0);
    check_equal(whorl_log_close(&log_here), 0);
    return chdir("/");
}

static void a_log_whose_making_fails_at_any_step_is_made_later(void **state)
{
    (void)state;
    run_checks(make_past_failures, NULL);
}

/* --- Recovering --- */

static unsigned char bytes[LARGE];

/* Three records, of which the second is damaged: recovery looks at all that is behind it. */
static void make_damaged(const char *path)
{
    check_equal(whorl_log_open(&log_here, path, NULL), 0);
    for (int i = 0; i < 3; i++) {
        memset(bytes, 'a' + i, sizeof bytes);
        check(whorl_log_append(&log_here, bytes, sizeof bytes) >= 0);
    }
    check_equal(whorl_log_close(&log_here), 0);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    check_equal(pwrite(fd, "x", 1, 8192 + LARGE + 8 + LARGE), 1);
    check_equal(close(fd), 0);
}

static intptr_t recover_past_failures(void *arg)
{
    test_path path = path_of("log");
    whorl_log_stats stats;
    (void)arg;
    make_damaged(path.text);
    int steps = open_past_failures(path.text);
    check(steps >= 12);
    check_equal(whorl_log_get_stats(&log_here, &stats), 0);
    check_equal(stats.recovered, 1);
    check_equal(whorl_log_end(&log_here), LARGE + 8);
    memset(bytes, 'a', sizeof bytes);
    check_record(&log_here, 0, bytes, sizeof bytes);
    return whorl_log_close(&log_here);
}

static void a_recovery_that_fails_at_any_step_succeeds_later(void **state)
{
    (void)state;
    run_checks(recover_past_failures, NULL);
}

/* --- Damage since the open --- */

static intptr_t read_damaged(void *arg)
{
    static const char *const damages[] = {"x", "xxxxxxxx"}; /* of the data, and of the header */
    static const off_t places[] = {8192 + 8, 8192};
    test_path path = path_of("log");
    whorl_log_cursor cursor;
    whorl_log_record record;
    (void)arg;
    check_equal(whorl_log_open(&log_here, path.text, NULL), 0);
    check_equal(whorl_log_append(&log_here, "abc", 3), 0);
    for (size_t i = 0; i < count_of(damages); i++) {
        int fd = open(path.text, O_WRONLY | O_CLOEXEC);
        check_equal(pwrite(fd, damages[i], strlen(damages[i]), places[i]), strlen(damages[i]));
        check_equal(close(fd), 0);
        check_equal(whorl_log_cursor_begin(&cursor, &log_here, 0), 0);
        check_equal(whorl_log_cursor_next(&cursor, &record), -EBADMSG);
        check_equal(whorl_log_cursor_end(&cursor), 0);
    }
    return whorl_log_close(&log_here);
}

static void a_cursor_tells_of_records_that_were_damaged_since(void **state)
{
    (void)state;
    run_checks(read_damaged, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_log_whose_making_fails_at_any_step_is_made_later),
        behaviour(a_recovery_that_fails_at_any_step_succeeds_later),
        behaviour(a_cursor_tells_of_records_that_were_damaged_since),
    };
    return run_behaviours("log open faults", tests);
}
