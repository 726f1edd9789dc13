/* See listing.h. Names are any bytes: each stands in the page twice, as a URL and as text. */
#include "listing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "files.h"
#include "text.h"

struct names {
    char **data;
    size_t count;
    size_t room;
};

static int compare(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

/* A directory's name gets a slash. */
static int add_name(struct names *self, const whorl_dir_entry *entry)
{
    if (strncmp(entry->name, WHORL_TEMPORARY_PREFIX, strlen(WHORL_TEMPORARY_PREFIX)) == 0)
        return 0;
    if (self->count == self->room) {
        size_t room = self->room > 0 ? self->room * 2 : 64;
        char **data = realloc(self->data, room * sizeof *data);
        if (data == NULL)
            return -ENOMEM;
        self->data = data;
        self->room = room;
    }
    char *name;
    if (asprintf(&name, "%s%s", entry->name, entry->type == DT_DIR ? "/" : "") < 0)
        return -ENOMEM;
    self->data[self->count++] = name;
    return 0;
}

static int read_names(struct names *self, whorl_dir *dir)
{
    whorl_dir_entry entry;
    int result;
    while ((result = whorl_dir_next(dir, &entry)) == 1) {
        int error = add_name(self, &entry);
        if (error != 0)
            return error;
    }
    return result;
}

static void drop_names(struct names *self)
{
    for (size_t i = 0; i < self->count; i++)
        free(self->data[i]);
    free(self->data);
}

/* A first part with a colon would be taken for a scheme: "./" stands before each. */
static void add_link(struct text *page, const char *name)
{
    fputs("<li><a href=\"./", page->file);
    text_uri(page, name);
    fputs("\">", page->file);
    text_html(page, name);
    fputs("</a></li>\n", page->file);
}

static void make_page(struct text *page, const struct path *path, const struct names *names)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>/", page->file);
    text_html(page, path->name);
    fputs("</title></head>\n<body><h1>/", page->file);
    text_html(page, path->name);
    fputs("</h1>\n<ul>\n", page->file);
    if (path->len > 0)
        fputs("<li><a href=\"../\">../</a></li>\n", page->file);
    for (size_t i = 0; i < names->count; i++)
        add_link(page, names->data[i]);
    fputs("</ul></body></html>\n", page->file);
}

static int send_page(struct connection *self, const struct path *path, const struct names *names)
{
    struct text page;
    if (!text_begin(&page))
        return answer_status(self, 503, "");
    make_page(&page, path, names);
    int error =
        text_end(&page) ? answer_page(self, page.data, page.len) : answer_status(self, 503, "");
    free(page.data);
    return error;
}

static int open_dir(struct connection *self, const struct path *path, whorl_dir *dir)
{
    int fd = open_beneath(self->server->root, path->name, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return fd;
    int error = whorl_dir_from_fd(dir, fd);
    if (error != 0)
        whorl_close(fd);
    return error;
}

/* The names in a directory, in their order. */
static int list(struct connection *self, const struct path *path, struct names *names)
{
    whorl_dir dir;
    int error = open_dir(self, path, &dir);
    if (error != 0)
        return error;
    error = self->server->options->no_listing ? -EACCES : read_names(names, &dir);
    whorl_dir_close(&dir);
    if (names->count > 0)
        qsort(names->data, names->count, sizeof *names->data, compare);
    return error;
}

int listing_answer(struct connection *self, const struct path *path)
{
    struct names names = {0};
    int error = list(self, path, &names);
    error = error == 0 ? send_page(self, path, &names)
                       : answer_status(self, answer_status_of(error), "");
    drop_names(&names);
    return error;
}
