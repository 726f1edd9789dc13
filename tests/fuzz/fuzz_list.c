/*
 * whorl-get's list of URLs and its file of sums.
 *
 * Input: the list, as --input-file has it; behind a NUL, if there is one, the sums of --checksum.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fuzz/fuzz.h"

#include <stdarg.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "list.h"
#include "names.h"

static char refusal[4096];
static int refusals;

/* In place of the program's, which prints it. */
int refuse(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(refusal, sizeof refusal, format, arguments);
    va_end(arguments);
    refusals++;
    return -1;
}

/* A file of memory that holds the text; *path names it. */
static int file_of(const char *text, size_t length, char *path, size_t room)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    hold(fd >= 0);
    hold(write(fd, text, length) == (ssize_t)length);
    snprintf(path, room, "/proc/self/fd/%d", fd);
    return fd;
}

static void check_url(const char *url, bool may_have_user)
{
    char *text = NULL;
    CURLU *parts = curl_url();
    hold(curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK);
    hold(curl_url_get(parts, CURLUPART_FRAGMENT, &text, 0) == CURLUE_NO_FRAGMENT);
    if (!may_have_user) {
        hold(curl_url_get(parts, CURLUPART_USER, &text, 0) == CURLUE_NO_USER);
        hold(curl_url_get(parts, CURLUPART_PASSWORD, &text, 0) == CURLUE_NO_PASSWORD);
    }
    hold(strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0);
    curl_url_cleanup(parts);
}

/* The name with each of the suffixes that it is written under. */
static bool names_clash(const char *one, const char *other)
{
    static const char *const suffixes[] = {"", ".part", ".part.from"};
    for (int i = 0; i < 9; i++) {
        char *mine, *its;
        hold(asprintf(&mine, "%s%s", one, suffixes[i / 3]) >= 0);
        hold(asprintf(&its, "%s%s", other, suffixes[i % 3]) >= 0);
        bool same = strcmp(mine, its) == 0;
        free(mine);
        free(its);
        if (same)
            return true;
    }
    return false;
}

static size_t count_lines(const char *text, size_t length)
{
    size_t count = 0;
    for (const char *end = text + length, *next; text < end; text = next) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        next = newline != NULL ? newline + 1 : end;
        while (text < next && (*text == ' ' || *text == '\t'))
            text++;
        count += text < next && strchr("#\r\n", *text) == NULL;
    }
    return count;
}

/* The sum stands in the list, or among the sums in front of two characters and, behind a path, the
 * name. */
static void check_sum(const download *each, const char *text, const char *sums)
{
    char digits[CHECKSUM_DIGITS + 1];
    bool found = false;
    checksum_print(&each->sum, digits);
    for (const char *line = sums; line != NULL && *line != '\0' && !found;) {
        size_t length = strcspn(line, "\r\n");
        size_t name = strlen(each->name);
        found = strncasecmp(line, digits, CHECKSUM_DIGITS) == 0 &&
                length >= CHECKSUM_DIGITS + 2 + name &&
                memcmp(line + length - name, each->name, name) == 0;
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    hold(found || strcasestr(text, digits) != NULL);
}

/* Each line of sums is one, or a comment, or empty. */
static void check_sum_lines(const char *sums)
{
    while (*sums != '\0') {
        size_t length = strcspn(sums, "\n"), text = strcspn(sums, "\r\n");
        bool is_sum = strspn(sums, "0123456789abcdefABCDEF") == CHECKSUM_DIGITS &&
                      text > CHECKSUM_DIGITS + 2 && sums[CHECKSUM_DIGITS] == ' ' &&
                      strchr(" *", sums[CHECKSUM_DIGITS + 1]) != NULL;
        hold(text == 0 || *sums == '#' || is_sum);
        sums += length + (sums[length] == '\n');
    }
}

static void check_list(const struct list *list, const char *text, size_t length, const char *sums)
{
    hold(list->count == count_lines(text, length));
    if (sums != NULL)
        check_sum_lines(sums);
    for (size_t i = 0; i < list->count; i++) {
        const download *each = &list->downloads[i];
        check_url(each->url, true);
        check_url(each->shown, false);
        hold(names_is_good(each->name));
        for (size_t k = 0; k < i; k++)
            hold(!names_clash(each->name, list->downloads[k].name));
        if (sums != NULL) {
            hold(each->has_sum);
            check_sum(each, text, sums);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input rest = {data, size};
    char *text = take_string(&rest);
    bool has_sums = strlen(text) < size;
    char *sums = take_string(&rest);
    char paths[2][64];
    int fds[] = {file_of(text, strlen(text), paths[0], sizeof paths[0]),
                 file_of(sums, strlen(sums), paths[1], sizeof paths[1])};
    options given = {.input_file = paths[0], .checksum = has_sums ? paths[1] : NULL};
    struct list list;
    refusals = 0;
    int result = list_make(&list, &given, NULL);
    hold(refusals == (result != 0));
    if (result == 0)
        check_list(&list, text, strlen(text), has_sums ? sums : NULL);
    list_drop(&list);
    close(fds[0]);
    close(fds[1]);
    free(text);
    free(sums);
    return 0;
}
