/* See sums.h. */
#include "sums.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SUM, a space, a space or a star, and the name. */
static int take_line(const char *file, size_t number, char *line, struct list *list)
{
    checksum sum;
    line[strcspn(line, "\r\n")] = '\0';
    if (*line == '\0' || *line == '#')
        return 0;
    size_t digits = strcspn(line, " ");
    const char *rest = line + digits;
    bool is_good = checksum_parse(&sum, line, digits) &&
                   (strncmp(rest, "  ", 2) == 0 || strncmp(rest, " *", 2) == 0) && rest[2] != '\0';
    if (!is_good)
        return refuse("%s, line %zu is no SHA-256 sum and name as sha256sum writes them", file,
                      number);
    const char *slash = strrchr(rest + 2, '/');
    const char *name = slash != NULL ? slash + 1 : rest + 2;
    for (size_t i = 0; i < list->count; i++) {
        download *each = &list->downloads[i];
        if (strcmp(each->name, name) != 0)
            continue;
        if (each->has_sum && memcmp(&each->sum, &sum, sizeof sum) != 0)
            return refuse("%s, line %zu gives \"%s\" another sum than what was given before", file,
                          number, name);
        each->sum = sum;
        each->has_sum = true;
    }
    return 0;
}

/* Who asks for sums to be checked gets no file without one. */
static int check_all(const char *file, const struct list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (!list->downloads[i].has_sum)
            return refuse("%s has no sum for \"%s\": add it, or put #sha256=... behind the URL",
                          file, list->downloads[i].name);
    return 0;
}

int sums_apply(const char *file, struct list *list)
{
    FILE *in = fopen(file, "re");
    if (in == NULL)
        return refuse("--checksum \"%s\" cannot be read: %s", file, strerror(errno));
    char *line = NULL;
    size_t room = 0;
    int result = 0;
    for (size_t number = 1; result == 0 && getline(&line, &room, in) >= 0; number++)
        result = take_line(file, number, line, list);
    if (result == 0 && ferror(in))
        result = refuse("--checksum \"%s\" cannot be read: %s", file, strerror(errno));
    free(line);
    fclose(in);
    return result == 0 ? check_all(file, list) : result;
}
