/* See list.h. */
#include "list.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "sums.h"

static int no_memory(void)
{
    return refuse("there is no memory left: run it with fewer URLs");
}

static download *add(struct list *self)
{
    if (self->count == self->room) {
        size_t room = self->room == 0 ? 16 : 2 * self->room;
        download *more = realloc(self->downloads, room * sizeof *more);
        if (more == NULL)
            return NULL;
        self->downloads = more;
        self->room = room;
    }
    download *made = &self->downloads[self->count++];
    *made = (download){.size = -1};
    return made;
}

/* A copy of one part of a URL that free(3) takes; NULL if it has none. */
static char *part_of(CURLU *parts, CURLUPart which)
{
    char *text = NULL, *copy = NULL;
    if (curl_url_get(parts, which, &text, 0) == CURLUE_OK)
        copy = strdup(text);
    curl_free(text);
    return copy;
}

/* The fragment is not the server's; "sha256=..." in it is a sum. */
static int take_fragment(download *self, CURLU *parts, const char *where, const char *url)
{
    static const char key[] = "sha256=";
    char *fragment = part_of(parts, CURLUPART_FRAGMENT);
    bool has_key = fragment != NULL && strncmp(fragment, key, sizeof key - 1) == 0;
    const char *digits = has_key ? fragment + sizeof key - 1 : "";
    self->has_sum = has_key && checksum_parse(&self->sum, digits, strlen(digits));
    int result = !has_key || self->has_sum
                     ? 0
                     : refuse("%s\"%s\" has no SHA-256 sum behind its #sha256=: that has %d "
                              "hexadecimal digits",
                              where, url, CHECKSUM_DIGITS);
    free(fragment);
    return result;
}

/* Fills in the URL and what is in it. */
static int take_apart(download *self, CURLU *parts, const char *where, const char *url)
{
    CURLUcode code = curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME);
    if (code != CURLUE_OK)
        return refuse("%s\"%s\" is no URL: %s; write it whole, as in https://host/file", where, url,
                      curl_url_strerror(code));
    char *scheme = part_of(parts, CURLUPART_SCHEME);
    bool is_known = scheme != NULL && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    free(scheme);
    if (!is_known)
        return refuse("%s\"%s\" is neither http nor https, and nothing else can be downloaded",
                      where, url);
    if (take_fragment(self, parts, where, url) != 0)
        return -1;
    curl_url_set(parts, CURLUPART_FRAGMENT, NULL, 0);
    self->url = part_of(parts, CURLUPART_URL);
    char *path = part_of(parts, CURLUPART_PATH);
    self->name = path != NULL ? names_from_path(path) : NULL;
    free(path);
    curl_url_set(parts, CURLUPART_USER, NULL, 0);
    curl_url_set(parts, CURLUPART_PASSWORD, NULL, 0);
    self->shown = part_of(parts, CURLUPART_URL);
    return self->url != NULL && self->name != NULL && self->shown != NULL ? 0 : no_memory();
}

/* `name` is the user's, or NULL; `where` stands before each refusal. */
static int take_url(struct list *self, const char *where, const char *url, const char *name)
{
    download *made = add(self);
    CURLU *parts = curl_url();
    int result = made != NULL && parts != NULL ? take_apart(made, parts, where, url) : no_memory();
    curl_url_cleanup(parts);
    if (result != 0 || name == NULL)
        return result;
    if (!names_is_good(name))
        return refuse("%s\"%s\" cannot be the name of a file: choose another", where, name);
    free(made->name);
    made->name = strdup(name);
    return made->name != NULL ? 0 : no_memory();
}

/* URL [NAME], a comment that begins with #, or nothing. The line is cut up. */
static int take_line(struct list *self, const char *file, size_t number, char *line)
{
    char where[300];
    snprintf(where, sizeof where, "%s, line %zu: ", file, number);
    line[strcspn(line, "\r\n")] = '\0';
    line += strspn(line, " \t");
    if (*line == '\0' || *line == '#')
        return 0;
    char *name = line + strcspn(line, " \t");
    if (*name != '\0') {
        *name++ = '\0';
        name += strspn(name, " \t");
        size_t len = strlen(name);
        while (len > 0 && strchr(" \t", name[len - 1]) != NULL)
            name[--len] = '\0';
    }
    return take_url(self, where, line, *name != '\0' ? name : NULL);
}

static int take_file(struct list *self, const char *file)
{
    bool is_stdin = strcmp(file, "-") == 0;
    FILE *in = is_stdin ? stdin : fopen(file, "re");
    if (in == NULL)
        return refuse("--input-file \"%s\" cannot be read: %s", file, strerror(errno));
    char *line = NULL;
    size_t room = 0;
    int result = 0;
    for (size_t number = 1; result == 0 && getline(&line, &room, in) >= 0; number++)
        result = take_line(self, is_stdin ? "stdin" : file, number, line);
    if (result == 0 && ferror(in))
        result = refuse("--input-file \"%s\" cannot be read: %s", file, strerror(errno));
    free(line);
    if (!is_stdin)
        fclose(in);
    return result;
}

/* --- No two URLs may write the same file. --- */

typedef struct taken {
    char *name;
    const download *by;
} taken;

static int compare(const void *a, const void *b)
{
    return strcmp(((const taken *)a)->name, ((const taken *)b)->name);
}

static void drop_taken(void *each)
{
    taken *self = each;
    free(self->name);
    free(self);
}

static int take_name(void **names, const download *by, const char *suffix)
{
    taken *mine = calloc(1, sizeof *mine);
    if (mine == NULL)
        return no_memory();
    mine->by = by;
    if (asprintf(&mine->name, "%s%s", by->name, suffix) < 0) {
        free(mine);
        return no_memory();
    }
    taken **found = tsearch(mine, names, compare);
    if (found != NULL && *found == mine)
        return 0;
    int result = found == NULL ? no_memory()
                               : refuse("\"%s\" and \"%s\" would both write \"%s\": give one of "
                                        "them another name, behind it in --input-file",
                                        (*found)->by->shown, by->shown, mine->name);
    drop_taken(mine);
    return result;
}

static int check_names(const struct list *self)
{
    static const char *const suffixes[] = {"", ".part", ".part.from"};
    void *names = NULL;
    int result = 0;
    for (size_t i = 0; result == 0 && i < self->count; i++)
        for (size_t k = 0; result == 0 && k < sizeof suffixes / sizeof suffixes[0]; k++)
            result = take_name(&names, &self->downloads[i], suffixes[k]);
    tdestroy(names, drop_taken);
    return result;
}

int list_make(struct list *self, const options *given, const char *name)
{
    int result = 0;
    *self = (struct list){0};
    for (int i = 0; result == 0 && i < given->count; i++)
        result = take_url(self, "", given->urls[i], name);
    if (result == 0 && given->input_file != NULL)
        result = take_file(self, given->input_file);
    if (result == 0)
        result = check_names(self);
    if (result == 0 && given->checksum != NULL)
        result = sums_apply(given->checksum, self);
    return result;
}

void list_drop(struct list *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free(self->downloads[i].url);
        free(self->downloads[i].shown);
        free(self->downloads[i].name);
    }
    free(self->downloads);
}
