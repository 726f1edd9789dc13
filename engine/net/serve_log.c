/*
 * What a server tells of connections that have failed. Clients can have it told as often as they
 * like: so a line for which stderr has no room, as a pipe that nobody reads, is left out, and holds
 * up nobody.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <assert.h>
#include <errno.h>
#include <net/serve.h>
#include <net/write_now.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <whorl/address.h>

#define ERROR_MOST 4095 /* of the kernel's numbers */

/* Of a unix socket's peer its kind is kept. */
void peer_note(struct peer *peer, int fd)
{
    struct sockaddr_storage address;
    peer->len = sizeof address;
    if (whorl_peer_address(fd, (struct sockaddr *)&address, &peer->len) != 0)
        peer->len = 0;
    if (peer->len > sizeof peer->in6)
        peer->len = sizeof address.ss_family;
    memcpy(&peer->any, &address, peer->len);
}

/* The error's text, where result is one. */
static const char *describe(intptr_t result, char *number, size_t room)
{
    if (result == -EOVERFLOW)
        return "stack overflow, or a value too large (EOVERFLOW)";
    if (result >= -ERROR_MOST)
        return strerror((int)-result);
    snprintf(number, room, "%jd", (intmax_t)result);
    return number;
}

/* What cannot be asked to refuse is asked for room first. */
static void put_line(const char *line, size_t len)
{
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (write_now(STDERR_FILENO, line, len) >= 0)
        return;
    if (poll(&room, 1, 0) == 1 && room.revents == POLLOUT)
        (void)!write(STDERR_FILENO, line, len);
}

void serve_tell(const struct server *server, const struct peer *peer, intptr_t result)
{
    char text[WHORL_ADDRESS_TEXT_MAX];
    if (whorl_address_text(peer->len ? &peer->any : NULL, peer->len, text, sizeof text) < 0)
        strcpy(text, "(unknown)");
    const whorl_serve_options *options = &server->options;
    if (options->failed) {
        options->failed(server->arg, text, result);
        return;
    }
    char number[32], line[WHORL_ADDRESS_TEXT_MAX + 160];
    const char *name = options->name ? options->name : "connection";
    int len = snprintf(line, sizeof line, "whorl: %.*s from %s: %s\n", WHORL_NAME_MAX, name, text,
                       describe(result, number, sizeof number));
    assert(len > 0 && (size_t)len < sizeof line); /* each part is far shorter */
    put_line(line, (size_t)len);
}
