/* Text on its way to members: made once, and shared by the queues of all who get it. */
#ifndef CHAT_TEXT_H
#define CHAT_TEXT_H

#include <stddef.h>

struct text {
    size_t users; /* who will release it */
    size_t len;
    char bytes[];
};

/* Text as printf(3) makes it, with one user, the caller; NULL: no memory. */
struct text *text_make(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One user less; the last one's frees it. NULL is no text, and fine. */
void text_release(struct text *self);

#endif
