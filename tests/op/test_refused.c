/*
 * Every call outside a task gives -EPERM, and every call that waits gives -ECANCELED in a cancelled
 * task; neither has any effect. whorl_close and whorl_shutdown do their work even there.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ATTRIBUTE "user.whorl"

/* --- What the calls work on; every call would succeed at once --- */

static struct {
    int fd;
    int dirfd;
    pair stream, pipe, more;
    char *page;
    int listener, client, unbound;
    struct sockaddr_in address, any;
    bool has_attributes;
    test_path file, other, made, empty;
    char buf[4];
    struct iovec vector;
    struct msghdr message;
    struct statx status;
} at;

static void set_scene(void)
{
    at.file = path_of("file");
    at.other = path_of("other");
    at.made = path_of("made");
    write_whole(at.file.text, "text", 4);
    at.fd = open(at.file.text, O_RDWR | O_CLOEXEC);
    at.dirfd = open(path_of("").text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    at.stream = unix_pair();
    assert_int_equal(send(at.stream.ends[1], "abc", 3, 0), 3);
    at.pipe = pipe_pair();
    at.more = pipe_pair();
    assert_int_equal(write(at.pipe.ends[1], "p", 1), 1);
    at.page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    at.page[0] = '!';
    at.empty = path_of("empty");
    assert_int_equal(mkdir(at.empty.text, 0700), 0);
    at.has_attributes = fsetxattr(at.fd, ATTRIBUTE, "a", 1, 0) == 0;
    at.listener = tcp_listener(&at.address, 5);
    at.client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(at.client, (void *)&at.address, sizeof at.address), 0);
    at.unbound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    at.any = (struct sockaddr_in){.sin_family = AF_INET};
    memset(at.buf, '!', sizeof at.buf);
    at.vector = (struct iovec){at.buf, 1};
    at.message = (struct msghdr){.msg_iov = &at.vector, .msg_iovlen = 1};
    memset(&at.status, 0, sizeof at.status);
}

static void clear_scene(void)
{
    close(at.fd);
    close(at.dirfd);
    close_pair(&at.stream);
    close_pair(&at.pipe);
    close_pair(&at.more);
    munmap(at.page, 4096);
    rmdir(at.empty.text);
    close(at.listener);
    close(at.client);
    close(at.unbound);
    unlink(at.file.text);
}

/* Everything that a call could have changed, as text. */
static void snapshot(char *text, size_t room)
{
    int waiting = -1, sent = -1, accepting = -1;
    struct stat status;
    socklen_t len = sizeof accepting;
    struct sockaddr_in bound;
    socklen_t bound_len = sizeof bound;
    check_equal(fstat(at.fd, &status), 0);
    check_equal(ioctl(at.stream.ends[0], FIONREAD, &waiting), 0);
    check_equal(ioctl(at.stream.ends[1], FIONREAD, &sent), 0);
    check_equal(getsockopt(at.unbound, SOL_SOCKET, SO_ACCEPTCONN, &accepting, &len), 0);
    check_equal(getsockname(at.unbound, (void *)&bound, &bound_len), 0);
    struct pollfd connection = {.fd = at.listener, .events = POLLIN};
    struct pollfd peer = {.fd = at.stream.ends[1], .events = POLLRDHUP};
    int used =
        snprintf(text, room,
                 "descriptors %d size %ld position %ld waiting %d sent %d accepting %d port %d "
                 "queue %d end %d buf %.4s stat %d names",
                 open_descriptors(), (long)status.st_size, (long)lseek(at.fd, 0, SEEK_CUR), waiting,
                 sent, accepting, bound.sin_port, poll(&connection, 1, 0), poll(&peer, 1, 0),
                 at.buf, (int)at.status.stx_size);
    used += snprintf(text + used, room - (size_t)used, " %d%d%d", access(at.file.text, F_OK),
                     access(at.other.text, F_OK), access(at.made.text, F_OK));
    char content[8] = {0}, attribute = '-';
    ssize_t got = getxattr(at.file.text, ATTRIBUTE, &attribute, 1);
    check(got == 1 || !at.has_attributes);
    pread(at.fd, content, sizeof content - 1, 0) < 0 ? (void)check(false) : (void)0;
    check_equal(ioctl(at.pipe.ends[0], FIONREAD, &waiting), 0);
    check_equal(ioctl(at.more.ends[0], FIONREAD, &sent), 0);
    snprintf(text + used, room - (size_t)used, " %s attribute %c pipes %d %d page %c empty %d",
             content, attribute, waiting, sent, at.page[0], access(at.empty.text, F_OK));
}

/* --- The calls --- */

#define CALL(name, ...)                                                                            \
    static intptr_t call_##name(void)                                                              \
    {                                                                                              \
        return whorl_##name(__VA_ARGS__);                                                          \
    }

static const struct open_how making = {.flags = O_RDWR | O_CREAT | O_CLOEXEC, .mode = 0600};

CALL(open, at.made.text, O_RDWR | O_CREAT, 0600)
CALL(openat, at.dirfd, "made", O_RDWR | O_CREAT, 0600)
CALL(read, at.fd, at.buf, 1)
CALL(write, at.fd, "W", 1)
CALL(pread, at.fd, at.buf, 1, 0)
CALL(pwrite, at.fd, "W", 1, 0)
CALL(readv, at.fd, &at.vector, 1)
CALL(writev, at.fd, &at.vector, 1)
CALL(preadv, at.fd, &at.vector, 1, 0)
CALL(pwritev, at.fd, &at.vector, 1, 0)
CALL(openat2, at.dirfd, "made", &making, sizeof making)
CALL(preadv2, at.fd, &at.vector, 1, 0, 0)
CALL(pwritev2, at.fd, &at.vector, 1, 0, 0)
CALL(sync_file_range, at.fd, 0, 0, SYNC_FILE_RANGE_WRITE)
CALL(fadvise, at.fd, 0, 0, POSIX_FADV_DONTNEED)
CALL(madvise, at.page, 4096, MADV_DONTNEED)
CALL(splice, at.fd, NULL, at.pipe.ends[1], NULL, 1, 0)
CALL(tee, at.pipe.ends[0], at.more.ends[1], 1, 0)
CALL(link, at.file.text, at.other.text)
CALL(linkat, at.dirfd, "file", at.dirfd, "other", 0)
CALL(symlink, at.file.text, at.other.text)
CALL(symlinkat, "file", at.dirfd, "other")
CALL(rmdir, at.empty.text)
CALL(setxattr, at.file.text, ATTRIBUTE, "W", 1, 0)
CALL(fsetxattr, at.fd, ATTRIBUTE, "W", 1, 0)
CALL(getxattr, at.file.text, ATTRIBUTE, at.buf, 1)
CALL(fgetxattr, at.fd, ATTRIBUTE, at.buf, 1)
CALL(fsync, at.fd)
CALL(fdatasync, at.fd)
CALL(statx, AT_FDCWD, at.file.text, 0, STATX_SIZE, &at.status)
CALL(rename, at.file.text, at.other.text)
CALL(renameat2, at.dirfd, "file", at.dirfd, "other", 0)
CALL(unlink, at.file.text)
CALL(unlinkat, at.dirfd, "file", 0)
CALL(mkdir, at.made.text, 0700)
CALL(mkdirat, at.dirfd, "made", 0700)
CALL(ftruncate, at.fd, 0)
CALL(fallocate, at.fd, 0, 0, 100)
CALL(socket, AF_INET, SOCK_STREAM, 0)
CALL(bind, at.unbound, (const struct sockaddr *)&at.any, sizeof at.any)
CALL(listen, at.unbound, 1)
CALL(accept, at.listener, NULL, NULL)
CALL(accept4, at.listener, NULL, NULL, SOCK_CLOEXEC)
CALL(connect, at.unbound, (const struct sockaddr *)&at.address, sizeof at.address)
CALL(recv, at.stream.ends[0], at.buf, 1, 0)
CALL(send, at.stream.ends[0], "S", 1, 0)
CALL(recvmsg, at.stream.ends[0], &at.message, 0)
CALL(sendmsg, at.stream.ends[0], &at.message, 0)
CALL(poll, at.stream.ends[0], POLLIN)
CALL(close, at.fd)
CALL(shutdown, at.stream.ends[0], SHUT_WR)

static const struct {
    const char *name;
    intptr_t (*call)(void);
    bool release; /* does its work in a cancelled task too */
} calls[] = {
#define ROW(name)                                                                                  \
    {                                                                                              \
#name, call_##name, false                                                                  \
    }
    ROW(open),
    ROW(openat),
    ROW(read),
    ROW(write),
    ROW(pread),
    ROW(pwrite),
    ROW(readv),
    ROW(writev),
    ROW(preadv),
    ROW(pwritev),
    ROW(openat2),
    ROW(preadv2),
    ROW(pwritev2),
    ROW(sync_file_range),
    ROW(fadvise),
    ROW(madvise),
    ROW(splice),
    ROW(tee),
    ROW(link),
    ROW(linkat),
    ROW(symlink),
    ROW(symlinkat),
    ROW(rmdir),
    ROW(setxattr),
    ROW(fsetxattr),
    ROW(getxattr),
    ROW(fgetxattr),
    ROW(fsync),
    ROW(fdatasync),
    ROW(statx),
    ROW(rename),
    ROW(renameat2),
    ROW(unlink),
    ROW(unlinkat),
    ROW(mkdir),
    ROW(mkdirat),
    ROW(ftruncate),
    ROW(fallocate),
    ROW(socket),
    ROW(bind),
    ROW(listen),
    ROW(accept),
    ROW(accept4),
    ROW(connect),
    ROW(recv),
    ROW(send),
    ROW(recvmsg),
    ROW(sendmsg),
    ROW(poll),
#undef ROW
    {"close", call_close, true},
    {"shutdown", call_shutdown, true},
};

/* Makes each call, and checks that it gives `expected` and changes nothing. */
static void check_all_refused(intptr_t expected, bool releases_too)
{
    char before[512], after[512];
    for (size_t i = 0; i < count_of(calls); i++) {
        if (calls[i].release && !releases_too)
            continue;
        snapshot(before, sizeof before);
        intptr_t result = calls[i].call();
        snapshot(after, sizeof after);
        if (result != expected)
            check_failed("whorl_%s gave %jd", calls[i].name, (intmax_t)result);
        if (strcmp(before, after) != 0)
            check_failed("whorl_%s changed something:\n  %s\n  %s", calls[i].name, before, after);
    }
}

/* --- Outside a task --- */

static void *call_from_a_thread(void *arg)
{
    (void)arg;
    check_all_refused(-EPERM, true);
    return NULL;
}

static intptr_t start_a_thread(void *arg)
{
    (void)arg;
    pthread_t thread;
    check_equal(pthread_create(&thread, NULL, call_from_a_thread, NULL), 0);
    return pthread_join(thread, NULL);
}

static void calls_outside_a_task_have_no_effect(void **state)
{
    (void)state;
    set_scene();
    check_all_refused(-EPERM, true);
    run_checks(start_a_thread, NULL);
    check_all_refused(-EPERM, true);
    clear_scene();
}

/* --- In a cancelled task --- */

static intptr_t call_while_cancelled(void *arg)
{
    (void)arg;
    check_equal(whorl_cancel(whorl_self()), 0);
    check_all_refused(-ECANCELED, false);
    check_all_refused(-ECANCELED, false); /* a level: the second time as the first */
    check_equal(whorl_uncancel(), 1);
    return 0;
}

static void calls_in_a_cancelled_task_have_no_effect(void **state)
{
    (void)state;
    static const uint64_t without[] = {0, 0x3ff};
    for (size_t i = 0; i < count_of(without); i++) {
        whorl_config config = {.without = without[i]};
        set_scene();
        run_checks_with(&config, call_while_cancelled, NULL);
        clear_scene();
    }
}

static intptr_t call_each_in_turn(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < count_of(calls); i++) {
        set_scene();
        intptr_t result = calls[i].call();
        bool excused = !at.has_attributes && strstr(calls[i].name, "xattr") != NULL;
        if (result < 0 && !excused)
            check_failed("whorl_%s gave %jd", calls[i].name, (intmax_t)result);
        if (result > 2 && strcmp(calls[i].name, "poll") != 0)
            close((int)result); /* the others that give more than 1 give a descriptor */
        if (strcmp(calls[i].name, "close") == 0)
            at.fd = -1;
        unlink(at.other.text);
        unlink(at.made.text);
        rmdir(at.made.text);
        clear_scene();
    }
    return 0;
}

/* Else the tests above would prove nothing. */
static void the_same_calls_succeed_in_a_task(void **state)
{
    (void)state;
    run_checks(call_each_in_turn, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(calls_outside_a_task_have_no_effect),
        behaviour(calls_in_a_cancelled_task_have_no_effect),
        behaviour(the_same_calls_succeed_in_a_task),
    };
    return run_behaviours("refused", tests);
}
