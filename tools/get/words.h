/* Numbers as people read them. */
#ifndef GET_WORDS_H
#define GET_WORDS_H

#include <stdint.h>

typedef struct words {
    char text[32];
} words;

/* "512 B", "12.3 MB"; decimal units. */
words words_bytes(double bytes);

/* "0.4 s", "12 s", "3:07", "2:03:07", of nanoseconds. */
words words_time(double ns);

#endif
