/*
 * Logs whose disk does what disks seldom do: writes that are cut short and go on, or give nothing,
 * flushes, cuts, headers and reads that fail. Each call of the log to the disk can be answered by
 * the test instead.
 */
#include "fs/log_calls.h"

#include <errno.h>
#include <fs/log.h>
#include <unistd.h>

static whorl_log log_here;

/* What the next calls come to. */
static struct {
    int chains;       /* that were asked for */
    bool are_commits; /* all of them: a write, and a flush */
    uint64_t begins;  /* where the last one's write goes */
    int passing[3];   /* what the next writes come to before they work; 0: nothing more */
    size_t most;      /* bytes that a write takes; 0: any number */
    int write;        /* errors; 0: none; 1: the write gives 0 */
    int flush;
    int cut;
    int sync;
    int copy;  /* 1: it writes nothing */
    int read;  /* errors; 1: it finds the file's end */
    int reads; /* that work before */
} fault;

int __real_whorl_link_ops(whorl_op *ops, size_t n);
int __wrap_whorl_link_ops(whorl_op *ops, size_t n);
int __real_whorl_fsync(int fd);
int __wrap_whorl_fsync(int fd);
int __real_whorl_ftruncate(int fd, off_t length);
int __wrap_whorl_ftruncate(int fd, off_t length);
ssize_t __real_whorl_pwrite(int fd, const void *buf, size_t len, off_t offset);
ssize_t __wrap_whorl_pwrite(int fd, const void *buf, size_t len, off_t offset);
ssize_t __real_whorl_pread(int fd, void *buf, size_t len, off_t offset);
ssize_t __wrap_whorl_pread(int fd, void *buf, size_t len, off_t offset);

/* As the kernel ends a chain whose first op did not do all that was asked. */
static int break_chain(whorl_op *ops, size_t n, int result)
{
    ops[0].result = result;
    for (size_t i = 1; i < n; i++)
        ops[i].result = -ECANCELED;
    return result < 0 ? result : -ECANCELED;
}

/* Writes no more than the most, and ends the chain. */
static int write_short(whorl_op *ops, size_t n)
{
    const struct iovec *iov = (const struct iovec *)(uintptr_t)ops[0].addr;
    size_t total = 0, done = 0;
    for (uint32_t i = 0; i < ops[0].len; i++)
        total += iov[i].iov_len;
    if (total <= fault.most)
        return __real_whorl_link_ops(ops, n);
    for (uint32_t i = 0; done < fault.most; i++) {
        size_t part = iov[i].iov_len < fault.most - done ? iov[i].iov_len : fault.most - done;
        off_t at = (off_t)(ops[0].offset + done);
        check_equal(__real_whorl_pwrite(ops[0].fd, iov[i].iov_base, part, at), part);
        done += part;
    }
    return break_chain(ops, n, (int)done);
}

int __wrap_whorl_link_ops(whorl_op *ops, size_t n)
{
    fault.chains++;
    fault.begins = ops[0].offset;
    fault.are_commits = fault.are_commits && n == 2 && strcmp(whorl_op_name(ops), "writev") == 0 &&
                        strcmp(whorl_op_name(ops + 1), "fsync") == 0;
    for (size_t i = 0; i < count_of(fault.passing); i++) {
        int error = fault.passing[i];
        fault.passing[i] = 0;
        if (error)
            return break_chain(ops, n, error);
    }
    if (fault.write)
        return break_chain(ops, n, fault.write < 0 ? fault.write : 0);
    if (fault.most > 0)
        return write_short(ops, n);
    int error = __real_whorl_link_ops(ops, n);
    if (fault.flush)
        ops[1].result = error = fault.flush;
    return error;
}

int __wrap_whorl_fsync(int fd)
{
    return fault.sync ? fault.sync : __real_whorl_fsync(fd);
}

int __wrap_whorl_ftruncate(int fd, off_t length)
{
    return fault.cut ? fault.cut : __real_whorl_ftruncate(fd, length);
}

ssize_t __wrap_whorl_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
    if (fault.copy == 0)
        return __real_whorl_pwrite(fd, buf, len, offset);
    return fault.copy < 0 ? fault.copy : 0;
}

/* A read that is cut short, or comes to nothing for now, is no error. */
ssize_t __wrap_whorl_pread(int fd, void *buf, size_t len, off_t offset)
{
    static unsigned count;
    if (fault.read && fault.reads == 0)
        return fault.read < 0 ? fault.read : 0;
    fault.reads -= fault.reads > 0;
    if (++count % 3 == 0)
        return count % 2 ? -EINTR : -EAGAIN;
    return __real_whorl_pread(fd, buf, len < 5 ? len : 5 + len / 2, offset);
}

static void no_faults(void)
{
    memset(&fault, 0, sizeof fault);
    fault.are_commits = true;
}

static void open_here(void)
{
    no_faults();
    check_equal(whorl_log_open(&log_here, path_of("log").text, NULL), 0);
    no_faults();
}

/* Closes it, and looks whether exactly these are in it. */
static void check_log(const char *const *texts, size_t count)
{
    whorl_log_cursor cursor;
    no_faults();
    check_equal(whorl_log_close(&log_here), 0);
    open_here();
    check_equal(whorl_log_cursor_begin(&cursor, &log_here, 0), 0);
    int64_t lsn = whorl_log_first(&log_here);
    for (size_t i = 0; i < count; i++) {
        check_next(&cursor, lsn, texts[i], strlen(texts[i]));
        lsn += 8 + (int64_t)strlen(texts[i]);
    }
    check_no_next(&cursor);
    check_equal(whorl_log_cursor_end(&cursor), 0);
    check_equal(whorl_log_close(&log_here), 0);
    unlink(path_of("log").text);
}

static int64_t append(const char *text)
{
    return whorl_log_append(&log_here, text, strlen(text));
}

/* --- Writes --- */

static char whole[20000];

static intptr_t write_in_parts(void *arg)
{
    struct iovec pieces[] = {
        {whole, 4}, {whole + 4, 10000}, {whole + 10004, 3}, {whole + 10007, 9993}};
    whorl_log_stats stats;
    (void)arg;
    for (size_t i = 0; i < sizeof whole; i++)
        whole[i] = (char)(i % 97);
    open_here();
    for (fault.most = 500; fault.most < 21000; fault.most += 700)
        check(whorl_log_appendv(&log_here, pieces, 4) >= 0);
    check_equal(whorl_log_get_stats(&log_here, &stats), 0);
    check_equal(stats.commits, 30);
    check_equal(stats.flushes, 30);
    check(fault.chains > 100 && fault.are_commits);
    no_faults();
    check_equal(whorl_log_close(&log_here), 0);
    open_here();
    check_equal(whorl_log_get_stats(&log_here, &stats), 0);
    check_equal(stats.recovered, 30);
    check_equal(stats.dropped, 0);
    for (int64_t lsn = 0; lsn < whorl_log_end(&log_here); lsn += 8 + (int64_t)sizeof whole)
        check_record(&log_here, lsn, whole, sizeof whole);
    return whorl_log_close(&log_here);
}

static void a_write_that_is_cut_short_is_gone_on_with_before_the_flush(void **state)
{
    (void)state;
    run_checks(write_in_parts, NULL);
}

static intptr_t write_again(void *arg)
{
    (void)arg;
    open_here();
    fault.passing[0] = -EINTR;
    fault.passing[1] = -EAGAIN;
    check_equal(append("one"), 0);
    check_equal(fault.chains, 3);
    check_equal(append("two"), 11);
    check_equal(fault.chains, 4);
    check(fault.are_commits);
    check_log((const char *const[]){"one", "two"}, 2);
    return 0;
}

static void a_commit_is_one_chain_and_one_that_comes_to_nothing_is_done_again(void **state)
{
    (void)state;
    run_checks(write_again, NULL);
}

struct appended {
    const char *text;
    int64_t result;
};

static intptr_t append_one(void *arg)
{
    struct appended *appended = arg;
    appended->result = append(appended->text);
    return 0;
}

static intptr_t fail_writes(void *arg)
{
    struct appended each[] = {{"a", 0}, {"b", 0}, {"c", 0}};
    whorl_call calls[] = {{append_one, &each[0]}, {append_one, &each[1]}, {append_one, &each[2]}};
    (void)arg;
    open_here();
    check_equal(append("kept"), 0);
    fault.write = -EIO;
    check_equal(whorl_gather_calls(calls, 3, NULL, 0), 0);
    for (int i = 0; i < 3; i++)
        check_equal(each[i].result, -EIO);
    fault.write = 1;
    check_equal(append("nothing"), -EIO);
    no_faults();
    check_equal(append("more"), 12);
    check_log((const char *const[]){"kept", "more"}, 2);
    return 0;
}

static void a_write_that_fails_gives_all_of_the_commit_its_error_and_the_log_goes_on(void **state)
{
    (void)state;
    run_checks(fail_writes, NULL);
}

static intptr_t fail_cut(void *arg)
{
    (void)arg;
    open_here();
    check_equal(append("kept"), 0);
    fault.write = -ENOSPC;
    fault.cut = -EIO;
    check_equal(append("lost"), -ENOSPC);
    no_faults();
    check_equal(append("lost"), -EIO);
    check_equal(whorl_log_truncate(&log_here, 0), -EIO);
    check_equal(whorl_log_end(&log_here), 12);
    check_log((const char *const[]){"kept"}, 1);
    return 0;
}

static void a_log_that_cannot_be_cut_back_has_failed(void **state)
{
    (void)state;
    run_checks(fail_cut, NULL);
}

static intptr_t fail_flush(void *arg)
{
    (void)arg;
    open_here();
    check_equal(append("kept"), 0);
    fault.flush = -EIO;
    check_equal(append("x"), -EIO);
    no_faults();
    check_equal(append("lost"), -EIO);
    check_equal(whorl_log_truncate(&log_here, 0), -EIO);
    check_equal(fault.chains, 0);
    /* It had been written: until the next open nobody knows. */
    check_log((const char *const[]){"kept", "x"}, 2);
    return 0;
}

static void a_log_whose_flush_has_failed_has_failed_until_it_is_opened_again(void **state)
{
    (void)state;
    run_checks(fail_flush, NULL);
}

/* --- Checkpoints and reads --- */

static intptr_t fail_truncates(void *arg)
{
    whorl_log_cursor cursor;
    whorl_log_record record;
    (void)arg;
    open_here();
    for (const char *text = "abcdef"; *text; text++)
        check(whorl_log_append(&log_here, text, 1) >= 0);
    check_equal(whorl_log_cursor_begin(&cursor, &log_here, 0), 0);
    fault.read = -EIO;
    check_equal(whorl_log_cursor_next(&cursor, &record), -EIO);
    check_equal(whorl_log_truncate(&log_here, 36), -EIO);
    no_faults();
    check_next(&cursor, 0, "a", 1);
    check_equal(whorl_log_cursor_end(&cursor), 0);
    /* The copy fails, when the rest has been dropped. */
    fault.copy = -EIO;
    check_equal(whorl_log_truncate(&log_here, 36), -EIO);
    check_equal(whorl_log_first(&log_here), 36);
    fault.copy = 1;
    check_equal(whorl_log_truncate(&log_here, 45), -EIO);
    no_faults();
    check_equal(whorl_log_append(&log_here, "g", 1), 54);
    fault.write = -EIO;
    check_equal(whorl_log_truncate(&log_here, 63), -EIO);
    no_faults();
    check_equal(whorl_log_append(&log_here, "h", 1), -EIO);
    check_log((const char *const[]){"f", "g"}, 2);
    return 0;
}

static void
a_truncate_that_fails_drops_too_little_and_one_whose_header_fails_ends_the_log(void **state)
{
    (void)state;
    run_checks(fail_truncates, NULL);
}

/* The record that is to be the first is looked at, and then what was kept cannot be read again. */
static intptr_t fail_reads_of_a_copy(void *arg)
{
    enum { READS_OF_THE_FIRST = 3 };
    static char large[LOG_BUFFER], half[LOG_BUFFER / 2];
    static const int errors[] = {-EIO, 1};
    for (size_t i = 0; i < count_of(errors); i++) {
        open_here();
        check_equal(whorl_log_append(&log_here, large, sizeof large), 0);
        int64_t second = whorl_log_append(&log_here, "a", 1);
        check(whorl_log_append(&log_here, half, sizeof half) > second);
        fault.reads = READS_OF_THE_FIRST;
        fault.read = errors[i];
        check_equal(whorl_log_truncate(&log_here, second), -EIO);
        no_faults();
        check_equal(whorl_log_first(&log_here), second);
        check_record(&log_here, second, "a", 1);
        check_equal(whorl_log_close(&log_here), 0);
        unlink(path_of("log").text);
    }
    return (intptr_t)arg;
}

static void a_truncate_that_cannot_read_what_it_keeps_has_dropped_the_rest(void **state)
{
    (void)state;
    run_checks(fail_reads_of_a_copy, NULL);
}

static intptr_t fail_opens(void *arg)
{
    (void)arg;
    open_here();
    check_equal(append("kept"), 0);
    check_equal(whorl_log_close(&log_here), 0);
    fault.sync = -EIO;
    check_equal(whorl_log_open(&log_here, path_of("log").text, NULL), -EIO);
    no_faults();
    fault.read = -EIO;
    check_equal(whorl_log_open(&log_here, path_of("log").text, NULL), -EIO);
    open_here();
    check_log((const char *const[]){"kept"}, 1);
    return 0;
}

static void an_open_that_cannot_read_or_flush_fails_and_can_be_made_again(void **state)
{
    (void)state;
    run_checks(fail_opens, NULL);
}

/* --- Headers --- */

/* A header that holds is not written over while the other does not hold as well, so that not even a
 * write that dies in the middle leaves none. */
static intptr_t damage_headers(void *arg)
{
    test_path path = path_of("log");
    static char bytes[9000];
    (void)arg;
    open_here();
    check_equal(append("kept"), 0);
    check_equal(whorl_log_close(&log_here), 0);
    for (int i = 0; i < 6; i++) {
        uint64_t slot = i == 1 || i == 4 || i == 5 ? 4096 : 0;
        ssize_t size = read_whole(path.text, bytes, sizeof bytes);
        bytes[slot + 20] ^= 1;
        write_whole(path.text, bytes, (size_t)size);
        no_faults();
        check_equal(whorl_log_open(&log_here, path.text, NULL), 0);
        check_equal(fault.chains, 1);
        check_equal(fault.begins, slot);
        check_equal(whorl_log_close(&log_here), 0);
    }
    open_here();
    check_log((const char *const[]){"kept"}, 1);
    return 0;
}

static void a_header_that_is_mended_is_written_first_where_none_holds(void **state)
{
    (void)state;
    run_checks(damage_headers, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_write_that_is_cut_short_is_gone_on_with_before_the_flush),
        behaviour(a_commit_is_one_chain_and_one_that_comes_to_nothing_is_done_again),
        behaviour(a_write_that_fails_gives_all_of_the_commit_its_error_and_the_log_goes_on),
        behaviour(a_log_that_cannot_be_cut_back_has_failed),
        behaviour(a_log_whose_flush_has_failed_has_failed_until_it_is_opened_again),
        behaviour(a_truncate_that_fails_drops_too_little_and_one_whose_header_fails_ends_the_log),
        behaviour(a_truncate_that_cannot_read_what_it_keeps_has_dropped_the_rest),
        behaviour(an_open_that_cannot_read_or_flush_fails_and_can_be_made_again),
        behaviour(a_header_that_is_mended_is_written_first_where_none_holds),
    };
    return run_behaviours("log faults", tests);
}
