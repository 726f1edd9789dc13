/*
 * Vectors with flags: preadv2 and pwritev2, against the system calls of these names.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char buf[8];
static struct iovec pieces[2] = {{buf, 2}, {buf + 4, 3}};

static void check_file(const char *expected)
{
    char text[64] = {0};
    check_equal(read_whole(path_of("digits").text, text, sizeof text - 1), strlen(expected));
    check_text(text, expected);
}

static intptr_t read_vectors(void *arg)
{
    (void)arg;
    int fd = digits_file(O_RDONLY);
    memset(buf, 0, sizeof buf);
    check_equal(whorl_preadv2(fd, pieces, 2, 3, 0), 5);
    check_equal(memcmp(buf,
                       "34\0\0"
                       "567",
                       7),
                0);
    check_equal(lseek(fd, 0, SEEK_CUR), 0);
    check_equal(whorl_preadv2(fd, pieces, 2, -1, 0), 5); /* the position */
    check_equal(lseek(fd, 0, SEEK_CUR), 5);
    check_equal(memcmp(buf,
                       "01\0\0"
                       "234",
                       7),
                0);
    check_equal(whorl_preadv2(fd, pieces, 1, -1, RWF_HIPRI), 2);
    check_equal(whorl_preadv2(fd, pieces, 2, 8, RWF_NOWAIT), 2); /* cached, and short */
    check_equal(whorl_preadv2(fd, pieces, 2, 10, 0), 0);
    check_equal(whorl_preadv2(fd, pieces, 0, 0, 0), 0);
    return close(fd);
}

static void preadv2_reads_at_an_offset_or_the_position(void **state)
{
    (void)state;
    run_checks_on_all_features(read_vectors, NULL);
}

static intptr_t write_vectors(void *arg)
{
    (void)arg;
    static const int durable[] = {0, RWF_DSYNC, RWF_SYNC, RWF_HIPRI};
    int fd = digits_file(O_RDWR);
    memcpy(buf, "ab__cde", 7);
    for (size_t i = 0; i < count_of(durable); i++) {
        check_equal(whorl_pwritev2(fd, pieces, 2, (off_t)i, durable[i]), 5);
        check_equal(lseek(fd, 0, SEEK_CUR), 0);
    }
    check_file("aaaabcde89");
    check_equal(whorl_pwritev2(fd, pieces, 1, -1, 0), 2);
    check_equal(lseek(fd, 0, SEEK_CUR), 2);
    check_file("abaabcde89");
    check_equal(whorl_pwritev2(fd, pieces, 1, 0, RWF_APPEND), 2); /* at the end all the same */
    check_equal(lseek(fd, 0, SEEK_CUR), 2);
    check_file("abaabcde89ab");
    check_equal(whorl_pwritev2(fd, pieces, 1, -1, RWF_APPEND), 2);
    check_equal(lseek(fd, 0, SEEK_CUR), 14);
    check_file("abaabcde89abab");
    return close(fd);
}

static void pwritev2_writes_at_an_offset_the_position_or_the_end(void **state)
{
    (void)state;
    run_checks_on_all_features(write_vectors, NULL);
}

typedef ssize_t call(int fd, const struct iovec *iov, int count, off_t offset, int flags);

static void check_same(call *ours, call *plain, int fd, int count, off_t offset, int flags)
{
    ssize_t expected = plain(fd, pieces, count, offset, flags);
    expected = expected < 0 ? -errno : expected;
    ssize_t result = ours(fd, pieces, count, offset, flags);
    if (result != expected)
        check_failed("%d pieces at %jd, flags %d: %zd, not %zd", count, (intmax_t)offset, flags,
                     result, expected);
}

static intptr_t vectors_wrongly(void *arg)
{
    (void)arg;
    int fd = digits_file(O_RDWR), reader = digits_file(O_RDONLY);
    pair both = pipe_pair();
    check_same(whorl_preadv2, preadv2, fd, 2, -2, 0); /* -EINVAL */
    check_same(whorl_preadv2, preadv2, fd, 2, INT64_MIN, 0);
    check_same(whorl_preadv2, preadv2, fd, -1, 0, 0);
    check_same(whorl_preadv2, preadv2, fd, 1025, 0, 0);
    check_same(whorl_pwritev2, pwritev2, fd, 2, -2, 0);
    check_same(whorl_preadv2, preadv2, fd, 1, 0, 1 << 30); /* -EOPNOTSUPP */
    check_same(whorl_pwritev2, pwritev2, fd, 1, 0, 1 << 30);
    check_same(whorl_preadv2, preadv2, -1, 1, 0, 0); /* -EBADF */
    check_same(whorl_pwritev2, pwritev2, reader, 1, 0, 0);
    check_same(whorl_pwritev2, pwritev2, reader, 1, 0, RWF_APPEND);
    check_same(whorl_preadv2, preadv2, both.ends[0], 1, -1, RWF_NOWAIT); /* -EAGAIN */
    struct stat status;
    check_equal(fstat(fd, &status), 0);
    check_equal(status.st_size, 10);
    ssize_t plain = pwritev2(fd, pieces, 1, 0, RWF_NOWAIT);
    ssize_t nowait = whorl_pwritev2(fd, pieces, 1, 0, RWF_NOWAIT);
    if (plain < 0) /* -EAGAIN, or -EOPNOTSUPP where the file system cannot at all */
        check(nowait == -EAGAIN || nowait == -EOPNOTSUPP);
    close_pair(&both);
    check_equal(close(reader), 0);
    return close(fd);
}

static void both_give_the_errors_of_their_page(void **state)
{
    (void)state;
    run_checks_on_all_features(vectors_wrongly, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(preadv2_reads_at_an_offset_or_the_position),
        behaviour(pwritev2_writes_at_an_offset_the_position_or_the_end),
        behaviour(both_give_the_errors_of_their_page),
    };
    return run_behaviours("vectors", tests);
}
