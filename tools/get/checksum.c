/* See checksum.h. */
#include "checksum.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <whorl.h>

/* Bytes read and summed at a time: other tasks wait while they are summed, a fraction of a ms. */
enum { PIECE = 256 * 1024 };

static int value_of(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

bool checksum_parse(checksum *self, const char *digits, size_t len)
{
    if (len != CHECKSUM_DIGITS)
        return false;
    for (size_t i = 0; i < CHECKSUM_BYTES; i++) {
        int high = value_of(digits[2 * i]), low = value_of(digits[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        self->bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

void checksum_print(const checksum *self, char *digits)
{
    static const char table[] = "0123456789abcdef";
    for (size_t i = 0; i < CHECKSUM_BYTES; i++) {
        digits[2 * i] = table[self->bytes[i] >> 4];
        digits[2 * i + 1] = table[self->bytes[i] & 15];
    }
    digits[CHECKSUM_DIGITS] = '\0';
}

/* 0, or -errno. */
static int sum_up(EVP_MD_CTX *sum, char *buf, int fd)
{
    off_t at = 0;
    ssize_t got;
    while ((got = whorl_pread(fd, buf, PIECE, at)) > 0) {
        if (EVP_DigestUpdate(sum, buf, (size_t)got) != 1)
            return -ENOMEM;
        at += got;
    }
    return (int)got;
}

int checksum_check(const checksum *self, int fd, const char *name, struct failure *failure)
{
    checksum found = {{0}};
    EVP_MD_CTX *sum = EVP_MD_CTX_new();
    char *buf = malloc(PIECE);
    int error = -ENOMEM;
    if (sum != NULL && buf != NULL && EVP_DigestInit_ex(sum, EVP_sha256(), NULL) == 1)
        error = sum_up(sum, buf, fd);
    if (error == 0 && EVP_DigestFinal_ex(sum, found.bytes, NULL) != 1)
        error = -ENOMEM;
    EVP_MD_CTX_free(sum);
    free(buf);
    if (error != 0)
        return fail_file(failure, error, "summing up", name);
    if (memcmp(found.bytes, self->bytes, CHECKSUM_BYTES) == 0)
        return 0;
    char wanted[CHECKSUM_DIGITS + 1], got[CHECKSUM_DIGITS + 1];
    checksum_print(self, wanted);
    checksum_print(&found, got);
    fail(failure, FAILURE_FINAL,
         "the SHA-256 sum is %s, not %s: the file or the sum is the wrong one; nothing was saved",
         got, wanted);
    return -EBADMSG;
}
