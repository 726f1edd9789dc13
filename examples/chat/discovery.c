/*
 * Being found, and finding: a datagram asks who serves chat, and each server that gets it answers
 * with its TCP port and its rooms, to where the question came from. See line.h for both.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../service/service.h"
#include "chat.h"

/* Of a name's addresses the server is found at, and asked at, one of IPv4 if there is any: who says
 * "localhost" on either side means the same. */
static const sa_family_t families[] = {AF_INET, AF_UNSPEC};

/* --- The server's side. --- */

int discovery_open(struct chat *chat)
{
    char text[WHORL_ADDRESS_TEXT_MAX];
    whorl_address address = {.len = sizeof address.in6};
    int error = -EINVAL;
    for (int i = 0; i < 2 && error != 0 && error != -EADDRINUSE; i++) {
        whorl_datagram_options options = {.family = families[i]};
        error = whorl_datagram_open(chat->host, chat->udp_port, &options, &chat->udp);
    }
    if (error)
        return error;
    (void)getsockname(whorl_datagram_fd(chat->udp), &address.any, &address.len);
    (void)whorl_address_text(&address.any, address.len, text, sizeof text);
    printf("found by UDP on %s\n", text);
    return 0;
}

/* As many rooms as there is space for. 0: not even the port fits. */
static size_t make_answer(const struct chat *chat, char *buf, size_t space)
{
    size_t len = 0;
    size_t more = (size_t)snprintf(buf, space, "chat %d\n", whorl_listener_port(chat->listener));
    for (size_t i = 0; len + more < space; i++) {
        len += more;
        if (i == chat->rooms.count)
            break;
        const struct room *room = chat->rooms.items[i];
        size_t count = room->members.count;
        more = (size_t)snprintf(buf + len, space - len, "%s %zu\n", room->name, count);
    }
    return len;
}

/* No answer is longer than its question. One that cannot be sent now is asked for again by who
 * needs it. */
intptr_t discovery_run(void *arg)
{
    const struct chat *chat = arg;
    char answer[CHAT_DATAGRAM_MAX + 1];
    whorl_message question;
    int error;
    while ((error = whorl_datagram_receive(chat->udp, &question)) == 0) {
        if (!chat_is_question(question.data, question.len))
            continue;
        size_t space = question.len < CHAT_DATAGRAM_MAX ? question.len : CHAT_DATAGRAM_MAX;
        size_t len = make_answer(chat, answer, space + 1); /* with a zero byte behind it */
        if (len > 0)
            whorl_datagram_send_to(chat->udp, answer, len, question.peer, question.peer_len);
    }
    if (error != -ECANCELED)
        service_tell("cannot be found by UDP any more: %s", strerror(-error));
    return 0;
}

/* --- The side of one who looks for a server. --- */

/* 1: it was an answer; 0: it was none. */
static int print_answer(const whorl_message *message)
{
    struct chat_answer answer;
    char name[CHAT_NAME_MAX + 1], text[WHORL_ADDRESS_TEXT_MAX];
    unsigned members;
    whorl_address from = {.len = message->peer_len};
    if (!chat_parse_answer(message->data, message->len, &answer))
        return 0;
    memcpy(&from.any, message->peer, message->peer_len);
    from.in4.sin_port = htons((uint16_t)answer.port); /* at the same place as of IPv6 */
    if (whorl_address_text(&from.any, from.len, text, sizeof text) < 0)
        return 0;
    fputs(text, stdout);
    for (int i = 0; chat_next_room(&answer, name, &members); i++)
        printf("%s%s (%u)", i == 0 ? ", rooms: " : ", ", name, members);
    printf("\n");
    return 1;
}

/* Prints what comes until the time is up. How many, or -errno. */
static int take_answers(const struct chat *chat)
{
    whorl_timeout limit;
    whorl_message message;
    int found = 0, result;
    whorl_timeout_begin(&limit, chat->wait);
    while ((result = whorl_datagram_receive(chat->udp, &message)) == 0)
        found += print_answer(&message);
    result = (int)whorl_timeout_end(&limit, result);
    return result == -ETIMEDOUT ? found : result;
}

intptr_t discovery_ask(void *arg)
{
    struct chat *chat = arg;
    char question[CHAT_DATAGRAM_MAX + 1];
    whorl_address to;
    ssize_t result = -EINVAL;
    for (int i = 0; i < 2 && result < 0; i++) {
        whorl_resolve_options by_udp = {.family = families[i], .socktype = SOCK_DGRAM};
        result = whorl_resolve(chat->host, chat->udp_port, &by_udp, &to, 1);
    }
    if (result < 0)
        return service_tell("cannot find \"%s\", port %s: %s", chat->host, chat->udp_port,
                            whorl_resolve_explain((int)result));
    whorl_datagram_options options = {.family = to.any.sa_family, .broadcast = 1};
    result = whorl_datagram_open(NULL, NULL, &options, &chat->udp);
    snprintf(question, sizeof question, "%-*s", CHAT_DATAGRAM_MAX, CHAT_QUESTION);
    if (result == 0)
        result = whorl_datagram_send_to(chat->udp, question, CHAT_DATAGRAM_MAX, &to.any, to.len);
    if (result >= 0)
        result = take_answers(chat);
    if (result < 0)
        return service_tell("cannot ask %s: %s", chat->host, strerror((int)-result));
    if (fflush(stdout) != 0)
        return service_tell("cannot print the answers: %s", strerror(errno));
    if (result == 0)
        return service_tell("nobody has answered; see that a server runs, with the same "
                            "--discovery-port, and that UDP gets there");
    return result;
}
