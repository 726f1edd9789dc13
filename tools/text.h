/* Text that others wrote: what of it is UTF-8, and how JSON has it. For the tools. */
#ifndef TOOLS_TEXT_H
#define TOOLS_TEXT_H

#include <stddef.h>
#include <stdio.h>

/* Length in bytes of the UTF-8 sequence (RFC 3629) at `at`, which ends with a NUL; 0 if there is
 * none. */
size_t text_utf8_length(const char *at);

/* Writes a string as JSON, in quotes and escaped by RFC 8259. Bytes that are no UTF-8 become
 * U+FFFD. */
void text_put_json(FILE *out, const char *text);

#endif
