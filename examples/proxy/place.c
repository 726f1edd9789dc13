/* See place.h. */
#include "place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int place_parse(const char *text, struct place *place)
{
    int len = 0;
    *place = (struct place){.text = text, .is_unix = text[0] == '@' || strchr(text, '/')};
    if (place->is_unix)
        return strcmp(text, "@") == 0 ? -EINVAL : 0;
    if (sscanf(text, "[%255[^]]]:%32[^:]%n", place->host, place->service, &len) != 2 &&
        sscanf(text, "%255[^][:]:%32[^:]%n", place->host, place->service, &len) != 2 &&
        sscanf(text, ":%32[^:]%n", place->service, &len) != 1)
        return -EINVAL;
    return text[len] == '\0' ? 0 : -EINVAL;
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
