/* Text that grows: pages and headers whose length is not known before. What is written by stdio to
 * its file comes to lie in memory. */
#ifndef HTTPD_TEXT_H
#define HTTPD_TEXT_H

#include <stdbool.h>
#include <stdio.h>

struct text {
    FILE *file; /* NULL: no memory */
    char *data; /* after text_end; to be freed, whatever that returns */
    size_t len;
};

/* Begins and ends it. False: there was no memory. */
bool text_begin(struct text *self);
bool text_end(struct text *self);

/* As a part of HTML: < > & " ' become entities. */
void text_html(struct text *self, const char *string);

/* As the path of a URL: what is not unreserved (RFC 3986, 2.3) and no slash is written %XX. */
void text_uri(struct text *self, const char *string);

#endif
