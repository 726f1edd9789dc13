/* splice and tee refuse what splice(2) and tee(2) refuse, in the same words, and move nothing. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* The same by the system call. */
static void check_splice(int in, off_t *offset_in, int out, off_t *offset_out, unsigned flags)
{
    off_t in_before = offset_in ? *offset_in : 0, out_before = offset_out ? *offset_out : 0;
    ssize_t plain = splice(in, offset_in, out, offset_out, 10, flags);
    check_equal(plain, -1);
    int why = errno;
    check_equal(whorl_splice(in, offset_in, out, offset_out, 10, flags), -why);
    check(!offset_in || *offset_in == in_before);
    check(!offset_out || *offset_out == out_before);
}

static intptr_t splice_wrongly(void *arg)
{
    (void)arg;
    int fd = digits_file(O_RDWR), reader = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int appender = digits_file(O_WRONLY | O_APPEND);
    int directory = open(path_of("").text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    pair from = pipe_pair(), to = pipe_pair();
    check_equal(write(from.ends[1], "abc", 3), 3);
    off_t zero = 0, one_before = -1, negative = -5;
    check_splice(fd, NULL, fd, NULL, 0);                     /* -EINVAL: no pipe */
    check_splice(from.ends[0], NULL, from.ends[1], NULL, 0); /* the same pipe */
    check_splice(from.ends[0], NULL, appender, NULL, 0);     /* O_APPEND */
    check_splice(directory, NULL, to.ends[1], NULL, 0);      /* has no bytes */
    check_splice(fd, &one_before, to.ends[1], NULL, 0);      /* negative offsets */
    check_splice(fd, &negative, to.ends[1], NULL, 0);
    check_splice(from.ends[0], NULL, fd, &one_before, 0);
    check_splice(from.ends[0], &zero, to.ends[1], NULL, 0); /* -ESPIPE */
    check_splice(from.ends[0], NULL, to.ends[1], &zero, 0);
    check_splice(from.ends[0], &one_before, fd, NULL, 0);
    check_splice(from.ends[0], NULL, fd, NULL, 1u << 30); /* unknown flags */
    check_splice(from.ends[0], NULL, fd, NULL, WHORL_SPLICE_FIXED_IN);
    check_splice(-1, NULL, to.ends[1], NULL, 0); /* -EBADF */
    check_splice(fd, NULL, -1, NULL, 0);
    check_splice(from.ends[1], NULL, to.ends[1], NULL, 0); /* wrong ends */
    check_splice(from.ends[0], NULL, to.ends[0], NULL, 0);
    check_splice(from.ends[0], NULL, reader, NULL, 0);
    check_splice(to.ends[0], NULL, fd, NULL, SPLICE_F_NONBLOCK); /* -EAGAIN */
    check_equal(fcntl(to.ends[0], F_SETFL, O_NONBLOCK), 0);
    check_splice(to.ends[0], NULL, from.ends[1], NULL, 0);
    check_equal(whorl_splice(-1, NULL, to.ends[1], NULL, 1, SPLICE_F_NONBLOCK), -EBADF);
    check_equal(unread_in(from.ends[0]), 3);
    close_pair(&from);
    close_pair(&to);
    check_equal(close(directory), 0);
    check_equal(close(appender), 0);
    check_equal(close(reader), 0);
    return close(fd);
}

static void splice_gives_the_errors_of_its_page(void **state)
{
    (void)state;
    run_checks_on_all_features(splice_wrongly, NULL);
}

static void check_tee(int in, int out, unsigned flags)
{
    check_equal(tee(in, out, 10, flags), -1);
    int why = errno;
    check_equal(whorl_tee(in, out, 10, flags), -why);
}

static intptr_t tee_wrongly(void *arg)
{
    (void)arg;
    int fd = digits_file(O_RDWR);
    pair from = pipe_pair(), to = pipe_pair();
    check_equal(write(from.ends[1], "abc", 3), 3);
    check_tee(fd, to.ends[1], 0);
    check_tee(from.ends[0], fd, 0);
    check_tee(from.ends[0], from.ends[1], 0);
    check_tee(from.ends[0], to.ends[1], 1u << 30);
    check_tee(from.ends[0], to.ends[1], WHORL_SPLICE_FIXED_IN);
    check_tee(-1, to.ends[1], 0);
    check_tee(from.ends[0], -1, 0);
    check_tee(from.ends[1], to.ends[1], 0);
    check_tee(from.ends[0], to.ends[0], 0);
    check_tee(to.ends[0], from.ends[1], SPLICE_F_NONBLOCK);
    close_pair(&from);
    close_pair(&to);
    return close(fd);
}

static void tee_gives_the_errors_of_its_page(void **state)
{
    (void)state;
    run_checks_on_all_features(tee_wrongly, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(splice_gives_the_errors_of_its_page),
        behaviour(tee_gives_the_errors_of_its_page),
    };
    return run_behaviours("splice errors", tests);
}
