/*
 * Files sent to sockets, pipes and files: every byte once and in order, whatever the sizes, and
 * offset and position where they belong; errors.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "net/big_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* --- Sizes, offsets, kinds of receivers --- */

static void send_part(int kind, int fd, off_t from, size_t count)
{
    pair both = pair_of_kind(kind);
    struct receiver to = {.fd = both.ends[0], .at = (size_t)from, .most = SIZE_MAX};
    whorl_task *task = whorl_spawn(receive, &to);
    size_t left = FILE_BYTES - (size_t)from, expected = count < left ? count : left;
    off_t offset = from;
    check_equal(lseek(fd, 7, SEEK_SET), 7);
    check_equal(whorl_sendfile(both.ends[1], fd, &offset, count), expected);
    check_equal(offset, from + (off_t)expected);
    check_equal(lseek(fd, 0, SEEK_CUR), 7);
    check_equal(whorl_close(both.ends[1]), 0);
    both.ends[1] = -1;
    check_equal(whorl_join(task), expected);
    close_pair(&both);
}

static intptr_t send_parts(void *arg)
{
    (void)arg;
    static const size_t counts[] = {0,
                                    1,
                                    4096,
                                    BULK_SMALL + 1,
                                    BULK_LARGE - 1,
                                    BULK_LARGE,
                                    BULK_LARGE + 1,
                                    FILE_BYTES - 5,
                                    FILE_BYTES,
                                    SIZE_MAX};
    int fd = big_file(O_RDONLY);
    for (int kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < count_of(counts); i++) {
            send_part(kind, fd, 0, counts[i]);
            send_part(kind, fd, 5, counts[i]);
            send_part(kind, fd, FILE_BYTES - 3, counts[i]);
            send_part(kind, fd, FILE_BYTES, counts[i]);
        }
    close(fd);
    return 0;
}

static void any_part_of_a_file_goes_to_any_kind_of_receiver(void **state)
{
    (void)state;
    run_checks(send_parts, NULL);
    whorl_config config = {.without = features_without(KNOWN_FEATURES + 1)};
    run_checks_with(&config, send_parts, NULL);
}

/* A pipe that is full and does not block is waited for all the same. */
static intptr_t empty_and_receive(void *arg)
{
    struct receiver *to = arg;
    char buf[4096];
    check_equal(whorl_sleep(WHORL_MS(5)), 0);
    for (size_t left = to->at; left > 0;)
        left -= (size_t)read(to->fd, buf, left < sizeof buf ? left : sizeof buf);
    to->at = 0;
    return receive(to);
}

static intptr_t send_to_full_pipe(void *arg)
{
    off_t offset = 0;
    pair both = pipe_pair();
    struct receiver to = {
        .fd = both.ends[0], .at = fill_descriptor(both.ends[1]), .most = SIZE_MAX};
    int fd = memory_file();
    check_equal(fcntl(both.ends[1], F_SETFL, O_NONBLOCK), 0);
    whorl_task *task = whorl_spawn(empty_and_receive, &to);
    check_equal(whorl_sendfile(both.ends[1], fd, &offset, SIZE_MAX), FILE_BYTES);
    check_equal(whorl_close(both.ends[1]), 0);
    both.ends[1] = -1;
    check_equal(whorl_join(task), FILE_BYTES);
    close(fd);
    close_pair(&both);
    return (intptr_t)arg;
}

static void a_pipe_that_does_not_block_gets_all_of_it(void **state)
{
    (void)state;
    run_checks_on_all_features(send_to_full_pipe, NULL);
}

/* A datagram socket of unix, that is not connected back to its sender, and full. */
struct datagrams {
    int fd;
    int full; /* datagrams of "x" that are there first */
};

static intptr_t receive_datagrams(void *arg)
{
    const struct datagrams *to = arg;
    char buf[1000];
    size_t got = 0;
    check_equal(whorl_sleep(WHORL_MS(5)), 0);
    for (int i = 0; i < to->full; i++)
        check_equal(whorl_recv(to->fd, buf, sizeof buf, 0), 1);
    while (got < sizeof buf) {
        ssize_t came = whorl_recv(to->fd, buf + got, sizeof buf - got, 0);
        if (!check(came > 0))
            break;
        got += (size_t)came;
    }
    check_equal(memcmp(buf, content, sizeof buf), 0);
    return (intptr_t)got;
}

static intptr_t send_to_full_datagrams(void *arg)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    socklen_t len = sizeof name;
    struct datagrams to = {.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    int out = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), fd = big_file(O_RDONLY);
    off_t offset = 0;
    check_equal(bind(to.fd, (struct sockaddr *)&name, sizeof name.sun_family), 0);
    check_equal(getsockname(to.fd, (struct sockaddr *)&name, &len), 0);
    check_equal(connect(out, (struct sockaddr *)&name, len), 0);
    while (send(out, "x", 1, MSG_DONTWAIT) == 1)
        to.full++;
    whorl_task *task = whorl_spawn(receive_datagrams, &to);
    for (int i = 0; i < 10; i++)
        check_equal(whorl_sendfile(out, fd, &offset, 100), 100);
    check_equal(whorl_join(task), 1000);
    close(fd);
    close(out);
    close(to.fd);
    return (intptr_t)arg;
}

static void a_datagram_is_sent_whole_when_there_is_room(void **state)
{
    (void)state;
    run_checks_on_all_features(send_to_full_datagrams, NULL);
}

static intptr_t send_at_position(void *arg)
{
    (void)arg;
    int fd = digits_file(O_RDONLY);
    pair both = tcp_pair();
    check_equal(whorl_sendfile(both.ends[1], fd, NULL, 4), 4);
    check_equal(lseek(fd, 0, SEEK_CUR), 4);
    check_equal(whorl_sendfile(both.ends[1], fd, NULL, 100), 6);
    check_equal(lseek(fd, 0, SEEK_CUR), 10);
    check_equal(whorl_sendfile(both.ends[1], fd, NULL, 100), 0);
    check_unread(both.ends[0], "0123456789");
    close_pair(&both);
    close(fd);
    return 0;
}

static void without_an_offset_the_position_moves(void **state)
{
    (void)state;
    run_checks_on_all_features(send_at_position, NULL);
}

static intptr_t send_to_file(void *arg)
{
    (void)arg;
    test_path path = path_of("copy");
    int in = big_file(O_RDONLY), out = open(path.text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    check_equal(whorl_sendfile(out, in, NULL, SIZE_MAX), FILE_BYTES);
    check_equal(lseek(out, 0, SEEK_CUR), FILE_BYTES);
    check_equal(lseek(out, 0, SEEK_SET), 0);
    struct receiver to = {.fd = out, .most = SIZE_MAX};
    check_equal(receive(&to), FILE_BYTES);
    close(in);
    close(out);
    return 0;
}

static void a_file_takes_it_too(void **state)
{
    (void)state;
    run_checks(send_to_file, NULL);
}

/* Files of the kernel's give a part of what is asked for, and no size. */
static intptr_t send_in_parts(void *arg)
{
    int out[2];
    for (int i = 0; i < 2; i++)
        out[i] = open(path_of(i ? "read" : "sent").text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int in = open(arg, O_RDONLY | O_CLOEXEC);
    char buf[4096];
    for (ssize_t got; (got = read(in, buf, sizeof buf)) > 0;)
        check_equal(write(out[1], buf, (size_t)got), got);
    off_t size = lseek(out[1], 0, SEEK_CUR), at = 0;
    check(size > (off_t)sizeof buf);
    check_equal(whorl_sendfile(out[0], in, &at, SIZE_MAX), size);
    check_equal(at, size);
    check_equal(lseek(out[0], 0, SEEK_SET) | lseek(out[1], 0, SEEK_SET), 0);
    for (ssize_t got; (got = read(out[0], buf, sizeof buf)) > 0;) {
        char again[sizeof buf];
        check_equal(read(out[1], again, (size_t)got), got);
        check(memcmp(buf, again, (size_t)got) == 0);
    }
    close(in);
    close(out[0]);
    close(out[1]);
    return 0;
}

static void a_short_read_is_not_the_end(void **state)
{
    (void)state;
    static char symbols[] = "/proc/kallsyms";
    if (access(symbols, R_OK) != 0)
        skip_because("there is no /proc/kallsyms");
    run_checks(send_in_parts, symbols);
}

static intptr_t send_direct(void *arg)
{
    (void)arg;
    static const off_t places[] = {0, 1, 511, 4096, 4097, 8192, FILE_BYTES - 4099, FILE_BYTES};
    static const size_t counts[] = {1, 4096, 100000, BULK_LARGE - 1, BULK_LARGE + 1, SIZE_MAX};
    int fd = big_file(O_RDONLY);
    bool is_direct = fcntl(fd, F_SETFL, O_DIRECT) == 0;
    for (int kind = 0; is_direct && kind < KINDS; kind++)
        for (size_t i = 0; i < count_of(places); i++)
            for (size_t k = 0; k < count_of(counts); k++)
                send_part(kind, fd, places[i], counts[k]);
    close(fd);
    return 0;
}

static void a_file_with_o_direct_is_read_in_whole_blocks_round_the_part(void **state)
{
    (void)state;
    run_checks(send_direct, NULL);
}

/* --- From the page cache --- */

/* Transfers by way of a buffer leave it with the loop. */
static intptr_t send_pages(void *arg)
{
    (void)arg;
    int fd = big_file(O_RDONLY);
    send_part(KIND_NONBLOCKING, fd, 5, FILE_BYTES - 5);
    send_part(KIND_NONBLOCKING + 1, fd, 5, FILE_BYTES - 5);
    check_equal(bulk_buffers_kept(loop_here), 0);
    send_part(0, fd, 5, FILE_BYTES - 5);
    check_equal(bulk_buffers_kept(loop_here), 1);
    close(fd);
    return 0;
}

static void what_is_in_the_page_cache_goes_without_a_buffer(void **state)
{
    (void)state;
    need_cachestat();
    run_checks(send_pages, NULL);
}

/* What is not in the cache: the file has never been read, or was dropped from it. */
static intptr_t send_from_disk(void *arg)
{
    (void)arg;
    int fd = big_file(O_RDONLY);
    for (int kind = 0; kind < KINDS; kind++) {
        check_equal(fsync(fd), 0);
        check_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
        send_part(kind, fd, 5, SIZE_MAX);
        check_equal(posix_fadvise(fd, 65536, 65536, POSIX_FADV_DONTNEED), 0);
        send_part(kind, fd, 5, SIZE_MAX);
    }
    close(fd);
    return 0;
}

static void what_is_not_in_the_page_cache_goes_as_well(void **state)
{
    (void)state;
    run_checks(send_from_disk, NULL);
}

/* --- Errors --- */

static intptr_t send_wrongly(void *arg)
{
    (void)arg;
    int fd = digits_file(O_RDWR), dir = open("/", O_RDONLY | O_CLOEXEC);
    pair both = tcp_pair(), tube = pipe_pair();
    off_t before = -1, offset = 0;
    check_equal(whorl_sendfile(-1, fd, NULL, 1), -EBADF);
    check_equal(whorl_sendfile(both.ends[1], -1, NULL, 1), -EBADF);
    check_equal(whorl_sendfile(both.ends[1], tube.ends[0], NULL, 1), -EINVAL);
    check_equal(whorl_sendfile(both.ends[1], both.ends[0], NULL, 1), -EINVAL);
    check_equal(whorl_sendfile(both.ends[1], dir, NULL, 1), -EINVAL);
    check_equal(whorl_sendfile(both.ends[1], fd, &before, 1), -EINVAL);
    check_equal(whorl_sendfile(tube.ends[0], fd, NULL, 1), -EBADF);
    check_equal(lseek(fd, 0, SEEK_CUR), 0);
    int path = open("/dev/null", O_WRONLY | O_CLOEXEC);
    test_path digits = path_of("digits");
    int unreadable = open(digits.text, O_WRONLY | O_CLOEXEC);
    check_equal(whorl_sendfile(both.ends[1], unreadable, NULL, 1), -EBADF);
    check_equal(whorl_sendfile(path, fd, &offset, 4), 4);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_sendfile(both.ends[1], fd, &offset, 4), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    check_equal(offset, 4);
    check_equal(close(tube.ends[0]), 0);
    tube.ends[0] = -1;
    check_equal(whorl_sendfile(tube.ends[1], fd, NULL, 4), -EPIPE);
    check_equal(lseek(fd, 0, SEEK_CUR), 0);
    pair quick = pair_of_kind(KIND_NONBLOCKING);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_sendfile(quick.ends[1], fd, &offset, 4), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    check_equal(shutdown(quick.ends[1], SHUT_WR), 0);
    check_equal(whorl_sendfile(quick.ends[1], fd, &offset, 4), -EPIPE);
    check_equal(offset, 4);
    close_pair(&quick);
    close(path);
    close(unreadable);
    close(fd);
    close(dir);
    close_pair(&both);
    close_pair(&tube);
    return 0;
}

static void errors_are_told_and_move_nothing(void **state)
{
    (void)state;
    run_checks(send_wrongly, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(any_part_of_a_file_goes_to_any_kind_of_receiver),
        behaviour(a_pipe_that_does_not_block_gets_all_of_it),
        behaviour(a_datagram_is_sent_whole_when_there_is_room),
        behaviour(without_an_offset_the_position_moves),
        behaviour(a_file_takes_it_too),
        behaviour(a_short_read_is_not_the_end),
        behaviour(a_file_with_o_direct_is_read_in_whole_blocks_round_the_part),
        behaviour(what_is_in_the_page_cache_goes_without_a_buffer),
        behaviour(what_is_not_in_the_page_cache_goes_as_well),
        behaviour(errors_are_told_and_move_nothing),
    };
    int failed = run_behaviours("sendfile", tests);
    free(content);
    return failed;
}
