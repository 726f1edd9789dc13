/* See text.h. */
#include "text.h"

#include <ctype.h>
#include <string.h>

bool text_begin(struct text *self)
{
    *self = (struct text){0};
    self->file = open_memstream(&self->data, &self->len);
    return self->file != NULL;
}

bool text_end(struct text *self)
{
    bool failed = ferror(self->file) != 0;
    return fclose(self->file) == 0 && !failed;
}

void text_html(struct text *self, const char *string)
{
    static const char special[] = "<>&\"'";
    static const char *const entities[] = {"&lt;", "&gt;", "&amp;", "&quot;", "&#39;"};
    for (; *string != '\0'; string++) {
        const char *found = strchr(special, *string);
        if (found != NULL)
            fputs(entities[found - special], self->file);
        else
            fputc(*string, self->file);
    }
}

void text_uri(struct text *self, const char *string)
{
    for (; *string != '\0'; string++) {
        unsigned char byte = (unsigned char)*string;
        bool plain = byte < 0x80 && (isalnum(byte) || strchr("-._~/", byte) != NULL);
        fprintf(self->file, plain ? "%c" : "%%%02X", byte);
    }
}
