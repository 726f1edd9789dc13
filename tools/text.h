/* Text that others wrote: what of it is UTF-8, and how JSON has it. For the tools. */
#ifndef TOOLS_TEXT_H
#define TOOLS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Length in bytes of the UTF-8 sequence (RFC 3629) at `at`, which ends with a NUL; 0 if there is
 * none. */
size_t text_utf8_length(const char *at);

/* True if the sequence of `length` bytes at `at`, as text_utf8_length gave it, is a character, and
 * none that controls a terminal: those of ASCII, and U+0080 to U+009F. */
bool text_is_plain(const char *at, size_t length);

/* Writes a string as JSON, in quotes and escaped by RFC 8259. Bytes that are no UTF-8 become
 * U+FFFD. */
void text_put_json(FILE *out, const char *text);

/* Writes a string for a terminal: what would be more than characters to it, and what is no UTF-8,
 * becomes "?". */
void text_put_plain(FILE *out, const char *text);

#endif
