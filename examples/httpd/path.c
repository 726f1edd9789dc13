/* See path.h. */
#include "path.h"

#include <string.h>
#include <strings.h>
#include <whorl.h>

static int digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

/* Where the path of a target ends: before its query, or a fragment, which should not be there. */
static size_t path_len(const char *target, size_t len)
{
    size_t at = 0;
    while (at < len && target[at] != '?' && target[at] != '#')
        at++;
    return at;
}

/* Leaves out http://host, which clients of proxies send and servers have to take. */
static void skip_host(const char **target, size_t *len)
{
    static const char scheme[] = "http://";
    size_t skipped = sizeof scheme - 1;
    if (*len <= skipped || strncasecmp(*target, scheme, skipped) != 0)
        return;
    while (skipped < *len && strchr("/?#", (*target)[skipped]) == NULL)
        skipped++;
    *target += skipped;
    *len -= skipped;
}

/* One part of a path, decoded to self->name. */
static int decode_part(struct path *self, const char *part, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char byte = part[i];
        if (byte == '%') {
            int high = len - i > 2 ? digit(part[i + 1]) : -1;
            int low = len - i > 2 ? digit(part[i + 2]) : -1;
            if (high < 0 || low < 0 || high + low == 0)
                return 400;
            byte = (char)(high * 16 + low);
            if (byte == '/')
                return 404;
            i += 2;
        }
        if (byte == '\0')
            return 400;
        if (self->len == sizeof self->name - 1)
            return 404;
        self->name[self->len++] = byte;
    }
    self->name[self->len] = '\0';
    return 0;
}

/* Takes the part that was decoded last, from `begin` on, or drops it. */
static int judge_part(struct path *self, size_t begin)
{
    const char *part = self->name + begin;
    if (strcmp(part, "..") == 0)
        return 400;
    if (strncmp(part, WHORL_TEMPORARY_PREFIX, strlen(WHORL_TEMPORARY_PREFIX)) == 0)
        return 404;
    if (self->len - begin > NAME_MAX)
        return 404;
    if (strcmp(part, ".") == 0)
        self->len = begin;
    return 0;
}

static int add_part(struct path *self, const char *part, size_t len)
{
    size_t before = self->len;
    if (self->len > 0 && self->len < sizeof self->name - 1)
        self->name[self->len++] = '/';
    size_t begin = self->len;
    int status = decode_part(self, part, len);
    if (status == 0)
        status = judge_part(self, begin);
    if (self->len == begin)
        self->len = before;
    self->name[self->len] = '\0';
    return status;
}

int path_decode(struct path *self, const char *target, size_t len)
{
    self->len = 0;
    self->name[0] = '\0';
    self->directory = true;
    skip_host(&target, &len);
    len = path_len(target, len);
    if (len > 0 && target[0] != '/')
        return 400;
    for (size_t at = 0; at < len;) {
        size_t begin = ++at; /* behind a slash */
        while (at < len && target[at] != '/')
            at++;
        size_t before = self->len;
        int status = add_part(self, target + begin, at - begin);
        if (status != 0)
            return status;
        self->directory = at == begin || self->len == before;
    }
    return 0;
}

const char *path_query(const char *target, size_t target_len, size_t *len)
{
    size_t at = path_len(target, target_len);
    const char *fragment;
    if (at == target_len || target[at] != '?') {
        *len = 0;
        return "";
    }
    fragment = memchr(target + at, '#', target_len - at);
    *len = fragment != NULL ? (size_t)(fragment - target) - at : target_len - at;
    return target + at;
}
