/*
 * See version.h. The note is four lines of text, of which the last is "end": one that was torn by a
 * crash lacks it, and counts for nothing.
 */
#include "version.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char form[] = "url %s\nvalidator %s\nsize %" PRId64 "\nend\n";

/* Times count seconds: within the one of a file's last change it may change again, unseen. So the
 * answer must have been made later (RFC 9110, 8.8.2.2). */
static bool tells_versions_apart(const char *last_modified, const char *date)
{
    time_t changed = last_modified != NULL ? curl_getdate(last_modified, NULL) : -1;
    return changed != -1 && date != NULL && curl_getdate(date, NULL) > changed;
}

/* A weak ETag, W/"...", must not be used for ranges (RFC 9110, 13.1.5). */
struct version version_of(const char *etag, const char *last_modified, const char *date,
                          int64_t size)
{
    struct version made = {.size = size};
    bool is_strong = etag != NULL && etag[0] == '"' && strlen(etag) < sizeof made.validator;
    const char *validator = is_strong                                   ? etag
                            : tells_versions_apart(last_modified, date) ? last_modified
                                                                        : NULL;
    if (validator != NULL && strlen(validator) < sizeof made.validator)
        strcpy(made.validator, validator);
    return made;
}

char *version_compose(const struct version *self, const char *url)
{
    char *text;
    return asprintf(&text, form, url, self->validator, self->size) < 0 ? NULL : text;
}

/* The value of the next line, which begins with `key`; NULL if it does not. */
static char *next_value(char **rest, const char *key)
{
    char *line = strsep(rest, "\n");
    size_t len = strlen(key);
    return *rest != NULL && strncmp(line, key, len) == 0 ? line + len : NULL;
}

/* A number as compose writes it, and no other way; -1 or more. */
static bool parse_size(const char *text, int64_t *size)
{
    char again[32];
    *size = strtoll(text, NULL, 10);
    snprintf(again, sizeof again, "%" PRId64, *size);
    return *size >= -1 && strcmp(again, text) == 0;
}

bool version_parse(struct version *self, char *text, const char *url)
{
    char *rest = text;
    char *noted_url = next_value(&rest, "url ");
    char *validator = noted_url != NULL ? next_value(&rest, "validator ") : NULL;
    char *size = validator != NULL ? next_value(&rest, "size ") : NULL;
    if (size == NULL || strcmp(rest, "end\n") != 0 || strcmp(noted_url, url) != 0)
        return false;
    if (!parse_size(size, &self->size) || strlen(validator) >= sizeof self->validator)
        return false;
    strcpy(self->validator, validator);
    return true;
}

bool version_read(struct version *self, const struct directory *directory, const char *note,
                  const char *url)
{
    *self = (struct version){.size = -1};
    size_t room = strlen(url) + sizeof *self + 64;
    char *text = malloc(room);
    int fd = text != NULL ? whorl_openat(directory->fd, note, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
                          : -ENOMEM;
    ssize_t got = fd >= 0 ? whorl_pread(fd, text, room - 1, 0) : fd;
    if (fd >= 0)
        whorl_close(fd);
    bool is_good = false;
    if (got >= 0) {
        text[got] = '\0';
        is_good = version_parse(self, text, url);
    }
    free(text);
    if (!is_good)
        *self = (struct version){.size = -1};
    return is_good;
}

static int write_whole(int fd, const char *text, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t put = whorl_pwrite(fd, text + done, len - done, (off_t)done);
        if (put < 0)
            return (int)put;
        done += (size_t)put;
    }
    return 0;
}

int version_write(const struct version *self, const struct directory *directory, const char *note,
                  const char *url)
{
    char *text = version_compose(self, url);
    if (text == NULL)
        return -ENOMEM;
    int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
    int fd = whorl_openat(directory->fd, note, flags, 0666);
    int error = fd < 0 ? fd : write_whole(fd, text, strlen(text));
    if (fd >= 0)
        whorl_close(fd);
    free(text);
    return error;
}
