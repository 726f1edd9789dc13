/*
 * Being found, and finding: a datagram asks who serves chat, and each server that gets it answers
 * with its TCP port and its rooms, to where the question came from. See line.h for both.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "chat.h"

/* The address of a host and a UDP port; 0, or -errno, which was told. */
static int find_address(const char *host, size_t port, whorl_address *address)
{
    char service[8];
    whorl_resolve_options options = {.socktype = SOCK_DGRAM};
    snprintf(service, sizeof service, "%zu", port);
    int found = whorl_resolve(host, service, &options, address, 1);
    if (found < 0)
        chat_tell("the host \"%s\" cannot be found: %s", host, whorl_resolve_explain(found));
    return found < 0 ? found : 0;
}

/* One datagram into or out of `buf`. The count, or -errno. */
static ssize_t receive(int fd, char *buf, size_t len, whorl_address *from)
{
    struct iovec piece = {buf, len};
    struct msghdr message = {.msg_name = &from->any,
                             .msg_namelen = sizeof from->in6,
                             .msg_iov = &piece,
                             .msg_iovlen = 1};
    ssize_t got = whorl_recvmsg(fd, &message, 0);
    from->len = message.msg_namelen;
    return got;
}

static ssize_t send_to(int fd, const char *buf, size_t len, whorl_address *to)
{
    struct iovec piece = {(char *)buf, len};
    struct msghdr message = {
        .msg_name = &to->any, .msg_namelen = to->len, .msg_iov = &piece, .msg_iovlen = 1};
    return whorl_sendmsg(fd, &message, 0);
}

/* --- The server's side. --- */

static int bind_there(int fd, whorl_address *address)
{
    char text[WHORL_ADDRESS_TEXT_MAX];
    int error = whorl_bind(fd, &address->any, address->len);
    if (error)
        return error;
    if (getsockname(fd, &address->any, &address->len) < 0)
        return -errno;
    error = whorl_address_text(&address->any, address->len, text, sizeof text);
    printf("found by UDP on %s\n", text);
    return error < 0 ? error : 0;
}

int discovery_open(const struct chat *chat)
{
    whorl_address address;
    int error = find_address(chat->host, chat->discovery_port, &address);
    if (error)
        return error;
    int fd = whorl_socket(address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    error = bind_there(fd, &address);
    if (!error)
        return fd;
    whorl_close(fd);
    return error;
}

/* As many rooms as the question leaves room for. 0: not even the port fits. */
static size_t make_answer(const struct chat *chat, char *buf, size_t most)
{
    int port = whorl_listener_port(chat->listener);
    size_t len = (size_t)snprintf(buf, most, "chat %d\n", port);
    for (size_t i = 0; i < chat->room_count && len < most; i++) {
        const struct room *room = chat->rooms[i];
        size_t more = (size_t)snprintf(buf + len, most - len, "%s %zu\n", room->name, room->count);
        if (len + more >= most)
            break;
        len += more;
    }
    return len < most ? len : 0;
}

/* What cannot be answered now is asked again by who needs it; so a failure to send is none. */
intptr_t discovery_run(void *arg)
{
    struct discovery *self = arg;
    char question[CHAT_DATAGRAM_MAX], answer[CHAT_DATAGRAM_MAX];
    whorl_address from;
    for (;;) {
        ssize_t got = receive(self->fd, question, sizeof question, &from);
        if (got == -ECONNREFUSED)
            continue; /* somebody has not waited for an answer */
        if (got < 0 && got != -ECANCELED)
            chat_tell("cannot be found by UDP any more: %s", strerror((int)-got));
        if (got < 0)
            return got;
        if (!chat_is_question(question, (size_t)got))
            continue;
        size_t len = make_answer(self->chat, answer, (size_t)got);
        if (len > 0 && send_to(self->fd, answer, len, &from) == -ECANCELED)
            return -ECANCELED;
    }
}

/* --- The side of one who looks for a server. --- */

static int print_answer(const char *datagram, size_t len, whorl_address *from)
{
    struct chat_answer answer;
    char name[CHAT_NAME_MAX + 1], text[WHORL_ADDRESS_TEXT_MAX];
    unsigned members;
    if (!chat_parse_answer(datagram, len, &answer))
        return 0;
    from->in4.sin_port = htons((uint16_t)answer.port); /* at the same place as of IPv6 */
    if (whorl_address_text(&from->any, from->len, text, sizeof text) < 0)
        return 0;
    fputs(text, stdout);
    for (int i = 0; chat_next_room(&answer, name, &members); i++)
        printf("%s%s (%u)", i == 0 ? ", rooms: " : ", ", name, members);
    printf("\n");
    return fflush(stdout) == 0 ? 1 : -errno;
}

/* Prints what comes until the caller's time is up. */
static int take_answers(struct search *self, int fd)
{
    char answer[CHAT_DATAGRAM_MAX];
    whorl_address from;
    for (;;) {
        ssize_t got = receive(fd, answer, sizeof answer, &from);
        int printed = got < 0 ? (int)got : print_answer(answer, (size_t)got, &from);
        if (printed < 0)
            return printed;
        self->found += (size_t)printed;
    }
}

/* Nobody there is no failure of ours, and told by the caller. */
static int ask(struct search *self, int fd, whorl_address *to)
{
    char question[CHAT_DATAGRAM_MAX];
    int one = 1;
    whorl_timeout limit;
    memset(question, ' ', sizeof question);
    memcpy(question, CHAT_QUESTION, strlen(CHAT_QUESTION));
    if (setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof one) < 0)
        return -errno;
    ssize_t sent = send_to(fd, question, sizeof question, to);
    if (sent < 0)
        return (int)sent;
    whorl_timeout_begin(&limit, self->wait);
    int result = (int)whorl_timeout_end(&limit, take_answers(self, fd));
    return result == -ETIMEDOUT || result == -ECONNREFUSED ? 0 : result;
}

intptr_t search_run(void *arg)
{
    struct search *self = arg;
    whorl_address to;
    int error = find_address(self->host, self->port, &to);
    if (error)
        return error;
    int fd = whorl_socket(to.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        error = ask(self, fd, &to);
    else
        error = fd;
    if (fd >= 0)
        whorl_close(fd);
    if (error)
        chat_tell("cannot ask %s: %s", self->host, strerror(-error));
    return error;
}
