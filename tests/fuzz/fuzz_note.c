/*
 * whorl-get's note of which version a .part is of.
 *
 * Input: a byte. Odd: then the URL, a string, and the rest is the note. Even: then a number of
 * eight bytes and three strings: the size, and the headers ETag, Last-Modified and Date, of which a
 * note is made.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fuzz/fuzz.h"

#include "version.h"

static const char some_url[] = "https://host/file";

/* A note counts only as it was written. */
static void read_note(input *rest)
{
    char *url = take_string(rest);
    char *note = take_string(rest);
    char *text = strdup(note);
    struct version found;
    hold(text != NULL);
    if (version_parse(&found, text, url)) {
        char *again = version_compose(&found, url);
        hold(again != NULL);
        hold(strcmp(again, note) == 0);
        hold(found.size >= -1);
        free(again);
    }
    free(text);
    free(note);
    free(url);
}

static void write_note(input *rest)
{
    int64_t size = (int64_t)(take_number(rest, 8) >> 1) - 1;
    char *etag = take_string(rest);
    char *changed = take_string(rest);
    char *date = take_string(rest);
    struct version made = version_of(etag, *changed != '\0' ? changed : NULL, date, size);
    struct version found;
    hold(strlen(made.validator) < sizeof made.validator);
    hold(made.validator[0] == '\0' || strcmp(made.validator, etag) == 0 ||
         strcmp(made.validator, changed) == 0);
    hold(strncmp(made.validator, "W/", 2) != 0);
    char *text = version_compose(&made, some_url);
    hold(text != NULL);
    bool is_line = strchr(made.validator, '\n') == NULL; /* as a header is */
    if (version_parse(&found, text, some_url)) {
        hold(strcmp(found.validator, made.validator) == 0 && found.size == made.size);
    } else {
        hold(!is_line);
    }
    free(text);
    free(date);
    free(changed);
    free(etag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input rest = {data, size};
    if (take_byte(&rest) & 1)
        read_note(&rest);
    else
        write_note(&rest);
    return 0;
}
