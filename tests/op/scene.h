/*
 * Scenes for test_cancel.c: one op with what it works on. This file has those of ops that wait for
 * the world outside; kinds.h has the others, and the table.
 *
 *   make      sets the scene and makes the op
 *   allow     brings about what the op waits for; the second call of a scene does nothing
 *   effect    what has really happened, by plain system calls; the op has ended, allow was called
 *   expected  the effect that goes with a result >= 0
 *   clean     closes everything
 */
#ifndef TESTS_OP_SCENE_H
#define TESTS_OP_SCENE_H

#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { UNMEASURED = -2, PIECE = 64 };

typedef struct scene scene;

typedef struct kind {
    const char *name;
    bool blocks;
    void (*make)(scene *one);
    void (*allow)(scene *one);
    long (*effect)(scene *one);
    long (*expected)(int result);
    void (*clean)(scene *one);
} kind;

struct scene {
    const kind *kind;
    whorl_op op;
    pair both;
    bool allowed;
    bool replaced; /* the op stands for one that is not to be had here */
    size_t filled; /* bytes in ends[0]'s queue before the op */
    size_t drained;
    struct sockaddr_in address;
    test_path path, other;
    pair more;
    char *page;
    char buf[PIECE];
    struct iovec vector;
    struct msghdr message;
    struct statx status;
    uint64_t counter;
    siginfo_t end;
    pid_t child;
};

static inline long expect_count(int result)
{
    return result;
}

static inline long expect_once(int result)
{
    (void)result;
    return 1;
}

static inline void clean_pair(scene *one)
{
    close_pair(&one->both);
}

static inline void allow_nothing(scene *one)
{
    one->allowed = true;
}

static inline long effect_unmeasured(scene *one)
{
    (void)one;
    return UNMEASURED;
}

static inline void message_of_buf(scene *one)
{
    one->vector = (struct iovec){one->buf, PIECE};
    one->message = (struct msghdr){.msg_iov = &one->vector, .msg_iovlen = 1};
}

/* --- Ops that wait for a byte at ends[0], which comes from ends[1] --- */

static inline void make_read(scene *one)
{
    one->both = pipe_pair();
    one->op = whorl_op_read(one->both.ends[0], one->buf, PIECE);
}

static inline void make_readv(scene *one)
{
    message_of_buf(one);
    one->both = pipe_pair();
    one->op = whorl_op_readv(one->both.ends[0], &one->vector, 1);
}

static inline void make_recv(scene *one)
{
    one->both = tcp_pair();
    one->op = whorl_op_recv(one->both.ends[0], one->buf, PIECE, 0);
}

static inline void make_recvmsg(scene *one)
{
    message_of_buf(one);
    one->both = unix_pair();
    one->op = whorl_op_recvmsg(one->both.ends[0], &one->message, 0);
}

static inline void make_poll(scene *one)
{
    one->both = pipe_pair();
    one->op = whorl_op_poll(one->both.ends[0], POLLIN);
}

static inline void allow_read(scene *one)
{
    if (!one->allowed)
        check_equal(write(one->both.ends[1], "x", 1), 1);
    one->allowed = true;
}

static inline long effect_read(scene *one)
{
    struct pollfd readable = {.fd = one->both.ends[0], .events = POLLIN};
    int count = poll(&readable, 1, one->op.result == 1 ? 0 : 1000); /* TCP may take a moment */
    return 1 - count;
}

/* --- Ops that wait for room behind ends[1], which reading at ends[0] makes --- */

static inline void fill_before(scene *one, pair both)
{
    message_of_buf(one);
    one->both = both;
    one->filled = fill_descriptor(both.ends[1]);
}

static inline void make_write(scene *one)
{
    fill_before(one, pipe_pair());
    one->op = whorl_op_write(one->both.ends[1], one->buf, PIECE);
}

static inline void make_writev(scene *one)
{
    fill_before(one, pipe_pair());
    one->op = whorl_op_writev(one->both.ends[1], &one->vector, 1);
}

static inline void make_send(scene *one)
{
    fill_before(one, unix_pair());
    one->op = whorl_op_send(one->both.ends[1], one->buf, PIECE, 0);
}

static inline void make_sendmsg(scene *one)
{
    fill_before(one, unix_pair());
    one->op = whorl_op_sendmsg(one->both.ends[1], &one->message, 0);
}

/* Reads what is there, and all that filled it: TCP may still be on its way with some of that, and
 * tells of a send without copying when all before it was read. */
static inline void drain(scene *one)
{
    static char sink[65536];
    struct pollfd more = {.fd = one->both.ends[0], .events = POLLIN};
    check_equal(fcntl(more.fd, F_SETFL, O_NONBLOCK), 0);
    ssize_t got;
    do {
        while ((got = read(more.fd, sink, sizeof sink)) > 0)
            one->drained += (size_t)got;
    } while (one->drained < one->filled && check_equal(poll(&more, 1, 60000), 1));
}

static inline void allow_write(scene *one)
{
    if (!one->allowed)
        drain(one);
    one->allowed = true;
}

static inline long effect_write(scene *one)
{
    drain(one);
    return (long)(one->drained - one->filled);
}

/* Over TCP, as unix sockets cannot send without copying. */
static inline void make_send_zc(scene *one)
{
    fill_before(one, tcp_pair());
    one->op = whorl_op_send_zc(one->both.ends[1], one->buf, PIECE, 0);
}

static inline void make_sendmsg_zc(scene *one)
{
    fill_before(one, tcp_pair());
    one->op = whorl_op_sendmsg_zc(one->both.ends[1], &one->message, 0);
}

/* TCP may still be on its way with some of it: reads to the end. */
static inline long effect_send_zc(scene *one)
{
    static char sink[65536];
    ssize_t got;
    check_equal(shutdown(one->both.ends[1], SHUT_WR), 0);
    check_equal(fcntl(one->both.ends[0], F_SETFL, 0), 0);
    while ((got = read(one->both.ends[0], sink, sizeof sink)) > 0)
        one->drained += (size_t)got;
    check_equal(got, 0);
    return (long)(one->drained - one->filled);
}

/* --- accept, connect --- */

static inline void make_accept(scene *one)
{
    one->both = (pair){{tcp_listener(&one->address, 1), -1}};
    one->op = whorl_op_accept(one->both.ends[0], NULL, NULL, SOCK_CLOEXEC);
}

static inline void allow_accept(scene *one)
{
    if (!one->allowed) {
        one->both.ends[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        check_equal(connect(one->both.ends[1], (void *)&one->address, sizeof one->address), 0);
    }
    one->allowed = true;
}

/* The connection is in the queue, or the op has its descriptor, which is good. */
static inline long effect_accept(scene *one)
{
    check_equal(fcntl(one->both.ends[0], F_SETFL, O_NONBLOCK), 0);
    int fd = accept(one->both.ends[0], NULL, NULL);
    if (fd >= 0)
        close(fd);
    if (one->op.result >= 0)
        check_equal(close(one->op.result), 0);
    return fd < 0;
}

/* A listener whose queue is full, so that the kernel drops what else comes. */
static inline void make_connect(scene *one)
{
    one->both = (pair){{tcp_listener(&one->address, 0), -1}};
    one->filled = (size_t)socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_equal(connect((int)one->filled, (void *)&one->address, sizeof one->address), 0);
    one->both.ends[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    one->op = whorl_op_connect(one->both.ends[1], (void *)&one->address, sizeof one->address);
}

static inline void clean_connect(scene *one)
{
    check_equal(close((int)one->filled), 0);
    close_pair(&one->both);
}

/* --- eventfd, FIFO --- */

static inline void make_event_read(scene *one)
{
    one->both = (pair){{eventfd(0, EFD_CLOEXEC), -1}};
    one->op = whorl_op_read(one->both.ends[0], &one->counter, sizeof one->counter);
}

static inline void allow_event_read(scene *one)
{
    if (!one->allowed)
        check_equal(eventfd_write(one->both.ends[0], 7), 0);
    one->allowed = true;
}

static inline long effect_event_read(scene *one)
{
    struct pollfd readable = {.fd = one->both.ends[0], .events = POLLIN};
    int count = poll(&readable, 1, 0);
    check_equal(one->counter, count ? 0 : 7);
    return 1 - count;
}

static inline void make_open_fifo(scene *one)
{
    one->path = path_of("fifo");
    check_equal(mkfifo(one->path.text, 0600), 0);
    one->both = (pair){{-1, -1}};
    one->op = whorl_op_openat(-1, one->path.text, O_RDONLY | O_CLOEXEC, 0);
}

static inline void allow_open_fifo(scene *one)
{
    if (!one->allowed)
        one->both.ends[0] = open(one->path.text, O_RDWR | O_CLOEXEC);
    one->allowed = true;
}

static inline long effect_open(scene *one)
{
    bool opened = one->op.result >= 0;
    return opened ? close(one->op.result) == 0 : 0; /* a leak shows at the behaviour's end */
}

static inline void clean_path(scene *one)
{
    close_pair(&one->both);
    if (one->path.text[0] != '\0')
        check(unlink(one->path.text) == 0 || rmdir(one->path.text) == 0 || errno == ENOENT);
}

#endif
