/* See text.h. */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 512 };

/* Room for `more` bytes behind what is there. */
static bool make_room(struct text *self, size_t more)
{
    size_t room = self->room > 0 ? self->room : FIRST_ROOM;
    while (room - self->len < more)
        room *= 2;
    if (self->failed || room == self->room)
        return !self->failed;
    char *data = realloc(self->data, room);
    self->failed = data == NULL;
    if (data == NULL)
        return false;
    self->data = data;
    self->room = room;
    return true;
}

void text_add(struct text *self, const char *data, size_t len)
{
    if (len == 0 || !make_room(self, len))
        return;
    memcpy(self->data + self->len, data, len);
    self->len += len;
}

void text_puts(struct text *self, const char *string)
{
    text_add(self, string, strlen(string));
}

void text_printf(struct text *self, const char *format, ...)
{
    char *made;
    va_list arguments;
    va_start(arguments, format);
    int len = vasprintf(&made, format, arguments);
    va_end(arguments);
    if (len < 0) {
        self->failed = true;
        return;
    }
    text_add(self, made, (size_t)len);
    free(made);
}

static const char *entity(char byte)
{
    switch (byte) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void text_html(struct text *self, const char *string)
{
    for (; *string != '\0'; string++) {
        const char *instead = entity(*string);
        if (instead != NULL)
            text_puts(self, instead);
        else
            text_add(self, string, 1);
    }
}

void text_uri(struct text *self, const char *string)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    for (; *string != '\0'; string++) {
        if (strchr(plain, *string) != NULL)
            text_add(self, string, 1);
        else
            text_printf(self, "%%%02X", (unsigned char)*string);
    }
}

void text_drop(struct text *self)
{
    free(self->data);
    *self = (struct text){0};
}
