/*
 * What the fuzz targets share. A target is a program with one function, which takes any bytes and
 * must neither crash nor find that something does not hold.
 *
 *     configured with --enable-fuzzers: libFuzzer drives it (tests/fuzz/fuzz.sh)
 *     else: replay.c does, which has it take what lies in tests/fuzz/corpus/NAME, and variations
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The target's. Always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program unless the condition holds. */
#define hold(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* --- An input is used up from its front; behind its end there are zeros. --- */

typedef struct input {
    const uint8_t *at;
    size_t left;
} input;

static inline uint8_t take_byte(input *self)
{
    if (self->left == 0)
        return 0;
    self->left--;
    return *self->at++;
}

static inline uint64_t take_number(input *self, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)take_byte(self) << 8 * i;
    return value;
}

/* The bytes up to the next NUL, which is used up as well, or all that is left; a string, to be
 * freed. */
static inline char *take_string(input *self)
{
    size_t length = strnlen((const char *)self->at, self->left);
    char *made = malloc(length + 1);
    hold(made != NULL);
    memcpy(made, self->at, length);
    made[length] = '\0';
    self->at += length;
    self->left -= length;
    take_byte(self);
    return made;
}

#endif
