/* See place.h. */
#include "place.h"

#include <errno.h>
#include <string.h>

/* `host` is len bytes long, maybe in brackets; without them, a colon would be one too many. */
static int take_host(const char *host, size_t len, struct place *place)
{
    bool has_brackets = len >= 2 && host[0] == '[' && host[len - 1] == ']';
    if (has_brackets) {
        host++;
        len -= 2;
    } else if (memchr(host, ':', len) || memchr(host, '[', len) || memchr(host, ']', len)) {
        return -EINVAL;
    }
    if (len > PLACE_HOST_MAX || (has_brackets && len == 0))
        return -EINVAL;
    memcpy(place->host, host, len);
    place->host[len] = '\0';
    return 0;
}

int place_parse(const char *text, struct place *place)
{
    *place = (struct place){.text = text};
    place->is_unix = text[0] == '@' || strchr(text, '/');
    if (place->is_unix)
        return text[0] == '@' && text[1] == '\0' ? -EINVAL : 0;
    const char *colon = strrchr(text, ':');
    if (!colon)
        return -EINVAL;
    size_t len = strlen(colon + 1);
    if (len == 0 || len > PLACE_SERVICE_MAX)
        return -EINVAL;
    memcpy(place->service, colon + 1, len + 1);
    return take_host(text, (size_t)(colon - text), place);
}

int place_listen(const struct place *place, whorl_listener **listener)
{
    if (place->is_unix)
        return whorl_listen_unix(place->text, NULL, listener);
    return whorl_listen_tcp(place->host[0] ? place->host : NULL, place->service, NULL, listener);
}

int place_connect(const struct place *place, int64_t limit)
{
    whorl_connect_options options = {.timeout = limit};
    if (place->is_unix)
        return whorl_unix_connect(place->text, &options);
    return whorl_tcp_connect(place->host[0] ? place->host : NULL, place->service, &options);
}

const char *place_explain(const struct place *place, int error)
{
    if (error == -ETIMEDOUT)
        return "it has not answered in time";
    return place->is_unix ? strerror(-error) : whorl_resolve_explain(error);
}
