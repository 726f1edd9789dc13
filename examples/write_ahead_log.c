/*
 * A store of keys and values that survives whatever happens to its program, on a write-ahead log.
 *
 * What is put into the store is appended to the log first, and into memory when that has returned:
 * then it is on the disk. Opening the store replays the log. Several writers put at once, and the
 * log commits together what waits; the program is killed; a record is torn in the middle, as a
 * power failure may leave it; and when the log has grown, the values that still count are appended
 * once more, and all before them is dropped.
 *
 * Usage: write_ahead_log FILE. The file must not be there before, and is the store's log after.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <whorl.h>

enum { KEYS = 40, WRITERS = 8, PUTS_EACH = 25 };

/* What a record holds. */
struct put {
    uint32_t key;
    uint32_t value;
};

struct store {
    const char *path;
    whorl_log log;
    uint32_t values[KEYS]; /* 0: none */
    whorl_log_stats stats;
};

static struct store store;

/* A line, at once, however stdout is buffered. 0, or -errno. */
__attribute__((format(printf, 1, 2))) static int tell(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int put = vprintf(format, values);
    va_end(values);
    return put < 0 || putchar('\n') == EOF || fflush(stdout) != 0 ? -errno : 0;
}

/* --- The store --- */

/* Returns once it is durable. Tasks go on in the order in which their records stand in the log, so
 * that memory holds what a replay would. */
static int store_put(uint32_t key, uint32_t value)
{
    struct put put = {key, value};
    int64_t lsn = whorl_log_append(&store.log, &put, sizeof put);
    if (lsn < 0)
        return (int)lsn;
    store.values[key] = value;
    return 0;
}

static int replay(void)
{
    whorl_log_cursor cursor;
    whorl_log_record record;
    int found = whorl_log_cursor_begin(&cursor, &store.log, 0);
    while (found >= 0 && (found = whorl_log_cursor_next(&cursor, &record)) == 1) {
        struct put put;
        if (record.len != sizeof put)
            found = -EBADMSG;
        else
            memcpy(&put, record.data, sizeof put);
        if (found == 1 && put.key < KEYS)
            store.values[put.key] = put.value;
    }
    whorl_log_cursor_end(&cursor);
    return found;
}

static int store_open(void)
{
    memset(store.values, 0, sizeof store.values);
    int error = whorl_log_open(&store.log, store.path, NULL);
    if (error < 0)
        return error;
    whorl_log_get_stats(&store.log, &store.stats);
    error = replay();
    if (error < 0)
        whorl_log_close(&store.log);
    return error;
}

static int count_keys(void)
{
    int count = 0;
    for (int i = 0; i < KEYS; i++)
        count += store.values[i] != 0;
    return count;
}

/* Appends all values once more, and drops what is before: a crash in between leaves some of them
 * twice, which is no harm. */
static int store_compact(void)
{
    int64_t from = whorl_log_end(&store.log);
    for (uint32_t key = 0; key < KEYS; key++) {
        int error = store.values[key] ? store_put(key, store.values[key]) : 0;
        if (error < 0)
            return error;
    }
    return whorl_log_truncate(&store.log, from);
}

/* --- What happens to it --- */

static intptr_t put_many(void *arg)
{
    uint32_t writer = (uint32_t)(uintptr_t)arg;
    int error = 0;
    for (uint32_t i = 0; i < PUTS_EACH && error == 0; i++)
        error = store_put(writer * KEYS / WRITERS + i % (KEYS / WRITERS), i + 1);
    return error;
}

static intptr_t put_at_once(void *arg)
{
    whorl_call calls[WRITERS];
    (void)arg;
    for (uintptr_t i = 0; i < WRITERS; i++)
        calls[i] = (whorl_call){put_many, (void *)i};
    int error = store_open();
    if (error < 0)
        return error;
    error = whorl_gather_calls(calls, WRITERS, NULL, 0);
    whorl_log_get_stats(&store.log, &store.stats);
    whorl_log_close(&store.log);
    if (error < 0)
        return error;
    return tell("%d writers have put %d values each: %d records in %d commits", WRITERS, PUTS_EACH,
                (int)store.stats.records, (int)store.stats.commits);
}

static intptr_t put_and_die(void *arg)
{
    (void)arg;
    int error = store_open();
    for (uint32_t key = 0; key < 5 && error == 0; key++)
        error = store_put(key, 1000);
    return error < 0 ? error : raise(SIGKILL);
}

/* Another program, in the place of this one. */
static int die(void)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(whorl_run(put_and_die, NULL) < 0);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -errno;
    return WIFSIGNALED(status) ? tell("a program has put 5 more, and was killed") : -EIO;
}

/* The beginning of a record, as it may stand in the file when the power has failed. */
static int tear(void)
{
    static const char torn[11] = {'t', 'o', 'r', 'n', 8, 0, 0, '\x80', 1, 2, 3};
    int fd = open(store.path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t put = write(fd, torn, sizeof torn);
    int error = put == sizeof torn ? 0 : put < 0 ? -errno : -EIO;
    close(fd);
    return error < 0 ? error : tell("the power has failed in the middle of a record");
}

static intptr_t compact(void *arg)
{
    (void)arg;
    int error = store_open();
    if (error < 0)
        return error;
    error = store_compact();
    whorl_log_close(&store.log);
    return error < 0 ? error : tell("the log was compacted");
}

static intptr_t look(void *arg)
{
    (void)arg;
    int error = store_open();
    if (error < 0)
        return error;
    whorl_log_close(&store.log);
    return tell("    recovered %d records, dropped %d bytes; %d keys, the first is %d",
                (int)store.stats.recovered, (int)store.stats.dropped, count_keys(),
                (int)store.values[0]);
}

/* One after the other, each a run of its own; the first that fails ends it. */
static intptr_t play(void)
{
    intptr_t error = access(store.path, F_OK) == 0 ? -EEXIST : 0;
    for (int step = 0; step < 4 && error >= 0; step++) {
        error = step == 0   ? whorl_run(put_at_once, NULL)
                : step == 1 ? die()
                : step == 2 ? tear()
                            : whorl_run(compact, NULL);
        if (error >= 0)
            error = whorl_run(look, NULL);
    }
    return error;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("write_ahead_log: give one name, of a file that is not there yet\n", stderr);
        return 2;
    }
    store.path = argv[1];
    intptr_t error = play();
    if (error < 0)
        fprintf(stderr, "write_ahead_log: %s\n", strerror((int)-error));
    return error < 0;
}
