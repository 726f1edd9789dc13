/* SHA-256 sums: as they are written down, and of a file. */
#ifndef GET_CHECKSUM_H
#define GET_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>

#include "failure.h"

enum { CHECKSUM_BYTES = 32, CHECKSUM_DIGITS = 2 * CHECKSUM_BYTES };

typedef struct checksum {
    unsigned char bytes[CHECKSUM_BYTES];
} checksum;

/* From `len` hexadecimal digits, of either case; false if that is no sum. */
bool checksum_parse(checksum *self, const char *digits, size_t len);

/* CHECKSUM_DIGITS digits and a NUL. */
void checksum_print(const checksum *self, char *digits);

/* Reads the open file `fd` to its end, and compares: what is checked is what the file holds, be it
 * from this download or from one before. 0 if it is `self`; -EBADMSG if not, with a failure told;
 * else below 0 likewise. */
int checksum_check(const checksum *self, int fd, const char *name, struct failure *failure);

#endif
