/* What a server tells of connections that have failed. */
#include <errno.h>
#include <net/serve.h>
#include <stdio.h>
#include <string.h>
#include <whorl/address.h>

#define ERROR_MOST 4095 /* of the kernel's numbers */

/* When the connection has broken off, nobody knows its peer any more. Of a unix socket's peer its
 * kind is kept. */
void peer_note(struct peer *peer, int fd)
{
    struct sockaddr_storage address;
    peer->len = sizeof address;
    if (getpeername(fd, (struct sockaddr *)&address, &peer->len) != 0)
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
    char number[32];
    fprintf(stderr, "whorl: %s from %s: %s\n", options->name ? options->name : "connection", text,
            describe(result, number, sizeof number));
}
