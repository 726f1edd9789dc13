/* Text that grows: pages and headers whose length is not known before. Memory that cannot be had
 * is noted, and told once, by text_failed; what is added after that is dropped. */
#ifndef HTTPD_TEXT_H
#define HTTPD_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
    char *data; /* NULL: nothing yet */
    size_t len;
    size_t room;
    bool failed;
};

/* All start with `text page = {0};`, and end with text_drop. */
void text_add(struct text *self, const char *data, size_t len);
void text_puts(struct text *self, const char *string);
void text_printf(struct text *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As a part of HTML: < > & " ' become entities. */
void text_html(struct text *self, const char *string);

/* As the path of a URL: what is not unreserved (RFC 3986, 2.3) and no slash is written %XX. */
void text_uri(struct text *self, const char *string);

void text_drop(struct text *self);

#endif
