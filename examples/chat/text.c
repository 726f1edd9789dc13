/* See text.h. */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct text *text_make(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    struct text *self = len < 0 ? NULL : malloc(sizeof *self + (size_t)len + 1);
    if (!self)
        return NULL;
    self->users = 1;
    self->len = (size_t)len;
    va_start(arguments, format);
    vsnprintf(self->bytes, self->len + 1, format, arguments);
    va_end(arguments);
    return self;
}

void text_release(struct text *self)
{
    if (self && --self->users == 0)
        free(self);
}
