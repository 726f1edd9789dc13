/*
 * The options of the services among the examples, out of one table each: taken, checked against
 * their bounds, and told of by --help. Long ones only, which may be cut short and take their value
 * with = or as the next word.
 */
#ifndef EXAMPLES_OPTIONS_H
#define EXAMPLES_OPTIONS_H

#include <stddef.h>

/* What an option's place is, and what its value means. */
enum option_kind {
    OPTION_FLAG,    /* bool: true if it is given */
    OPTION_NUMBER,  /* size_t: a whole number */
    OPTION_BYTES,   /* size_t: the same, which may end with K, M or G */
    OPTION_SECONDS, /* int64_t: ns, from seconds that may have a fraction */
    OPTION_TEXT,    /* const char *: not empty */
};

struct option_entry {
    const char *name;
    enum option_kind kind;
    void *place;
    double least, most; /* of a number, or of seconds */
    const char *value;  /* what stands for it in --help */
    const char *help;   /* a line, without its end */
};

/* What a program is to be told by: `usage` is printed before the options, `notes` after. */
struct option_table {
    const char *usage;
    const char *notes;
    const struct option_entry *entries;
    size_t count;
};

/* Takes the options out of argv; optind is where the rest begins. 0; -1: the arguments make no
 * sense, which was told. With --help the program ends here: by status 0, or 1 where that could not
 * be printed. */
int options_take(const struct option_table *table, int argc, char **argv);

/* Tells on stderr what is wrong with the arguments, and where help is; returns -1. */
int options_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
