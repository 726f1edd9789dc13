/* See path.h. */
#include "path.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <whorl.h>

/* --- From targets --- */

/* Where the path of a target ends: before its query, or a fragment, which should not be there. */
static size_t path_len(const char *target, size_t len)
{
    size_t at = 0;
    while (at < len && target[at] != '?' && target[at] != '#')
        at++;
    return at;
}

#define SCHEME "http://"

/* The bytes of http://host, which clients of proxies send and servers have to take. */
static size_t host_len(const char *target, size_t len)
{
    size_t at = strlen(SCHEME);
    if (len < at || strncasecmp(target, SCHEME, at) != 0)
        return 0;
    while (at < len && strchr("/?#", target[at]) == NULL)
        at++;
    return at;
}

/* Whether http://user@host:port, which is so long, names no host (RFC 9110, 4.2.1). */
static bool lacks_host(const char *target, size_t len)
{
    const char *user = memrchr(target, '@', len);
    const char *host = user != NULL ? user + 1 : target + strlen(SCHEME);
    return host == target + len || *host == ':';
}

/* The byte that begins at *at, which is left at its last one. 0: one that is forbidden, or broken;
 * '/': it is encoded. */
static char decode(const char **at, const char *end)
{
    if (**at != '%')
        return **at;
    if (end - *at < 3 || !isxdigit((unsigned char)(*at)[1]) || !isxdigit((unsigned char)(*at)[2]))
        return '\0';
    char digits[] = {(*at)[1], (*at)[2], '\0'};
    *at += 2;
    return (char)strtoul(digits, NULL, 16);
}

/* Decodes a part of a path behind what self->name holds. */
static int add_part(struct path *self, const char *at, const char *end)
{
    size_t before = self->len;
    if (self->len > 0 && self->len < sizeof self->name - 1)
        self->name[self->len++] = '/';
    char *part = self->name + self->len;
    for (; at < end; at++) {
        char byte = decode(&at, end);
        if (byte == '\0')
            return 400;
        if (byte == '/' || self->len == sizeof self->name - 1)
            return 404;
        self->name[self->len++] = byte;
    }
    self->name[self->len] = '\0';
    if (strcmp(part, "..") == 0)
        return 400;
    if (strncmp(part, WHORL_TEMPORARY_PREFIX, strlen(WHORL_TEMPORARY_PREFIX)) == 0 ||
        strlen(part) > NAME_MAX)
        return 404;
    if (*part == '\0' || strcmp(part, ".") == 0)
        self->len = before;
    self->name[self->len] = '\0';
    return 0;
}

int path_decode(struct path *self, const char *target, size_t len)
{
    const char *end = target + path_len(target, len);
    size_t host = host_len(target, len);
    const char *at = target + host;
    self->len = 0;
    self->name[0] = '\0';
    self->directory = true;
    if ((at < end && *at != '/') || (host > 0 && lacks_host(target, host)))
        return 400;
    while (at < end) {
        const char *part = ++at; /* behind a slash */
        size_t before = self->len;
        while (at < end && *at != '/')
            at++;
        int status = add_part(self, part, at);
        if (status != 0)
            return status;
        self->directory = self->len == before;
    }
    return 0;
}

const char *path_query(const char *target, size_t target_len, size_t *len)
{
    size_t at = path_len(target, target_len);
    *len = 0;
    if (at == target_len || target[at] != '?')
        return "";
    const char *fragment = memchr(target + at, '#', target_len - at);
    *len = (fragment != NULL ? (size_t)(fragment - target) : target_len) - at;
    return target + at;
}

/* --- To pages and links --- */

void write_html(FILE *file, const char *string)
{
    static const char special[] = "<>&\"'";
    static const char *const entities[] = {"&lt;", "&gt;", "&amp;", "&quot;", "&#39;"};
    for (; *string != '\0'; string++) {
        const char *found = strchr(special, *string);
        if (found != NULL)
            fputs(entities[found - special], file);
        else
            fputc(*string, file);
    }
}

void write_uri(FILE *file, const char *string)
{
    for (; *string != '\0'; string++) {
        unsigned char byte = (unsigned char)*string;
        bool plain = byte < 0x80 && (isalnum(byte) || strchr("-._~/", byte) != NULL);
        fprintf(file, plain ? "%c" : "%%%02X", byte);
    }
}
