/*
 * What the user asked for. One table describes every option: its name, the subcommands that take
 * it, its bounds, its line of help. Parsing, refusing, --help and the parameters of a JSON row all
 * read that table, so they cannot disagree.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The subcommands. */
typedef enum command {
    COMMAND_SWITCH,
    COMMAND_SPAWN,
    COMMAND_SLEEPERS,
    COMMAND_SCOPES,
    COMMAND_SYNC,
    COMMAND_ECHO,
    COMMAND_IDLE,
    COMMAND_SENDFILE,
    COMMAND_READ,
    COMMAND_WRITE,
    COMMAND_LOG,
    COMMAND_TREE,
    COMMAND_LINES,
    COMMAND_QUICK,
    COMMAND_FILES,
    COMMAND_ALL,
    COMMAND_FEATURES, /* measures nothing */
    COMMAND_COUNT
} command;

enum { LIST_MAX = 8 };

/* The numbers that were given for an option, if it was; a table for each. */
typedef struct number_list {
    size_t count;
    uint64_t values[LIST_MAX];
} number_list;

typedef struct options {
    command command;
    uint64_t connections;
    uint64_t depth;
    uint64_t size;  /* bytes */
    uint64_t total; /* bytes */
    uint64_t tasks;
    uint64_t timers;
    uint64_t files;
    uint64_t seconds; /* ns */
    uint64_t rounds;
    uint64_t direct; /* 0 or 1 */
    uint64_t stream; /* 0 or 1 */
    const char *file;
    const char *subject;
    const char *listen;
    const char *connect;
    const char *json;
    uint32_t given; /* a bit for each entry of the option table that stood on the command line */
    int64_t budget; /* ns after which no further round is started; 0: none */
    int file_fd;    /* the file of read and write once it is open; else -1 */
    uint64_t file_made; /* bytes that a temporary file for read gets; 0: the default */
    char *tree;         /* a temporary directory with the tree to copy; NULL: none */
    bool file_is_ours;  /* a named file that was not there before */
    bool file_is_named; /* it is not a temporary one */
    /* Of `connections`, `depth` and `size`, which are those of one table. */
    number_list connections_list;
    number_list depth_list;
    number_list size_list;
} options;

typedef enum option_kind {
    OPTION_NUMBER,
    OPTION_BYTES,
    OPTION_SECONDS,
    OPTION_FLAG,
    OPTION_TEXT
} option_kind;

typedef struct option_entry {
    const char *name;
    option_kind kind;
    size_t offset;      /* of its field in options */
    size_t list;        /* of its list there: it takes several, with commas; 0: it has none */
    uint32_t commands;  /* a bit for each subcommand that takes it */
    uint32_t parameter; /* a bit for each subcommand whose rows carry it, --connect if given */
    uint64_t minimum;
    uint64_t maximum;
    const char *value; /* what stands for its value in --help */
    const char *help;
} option_entry;

/* The option table and its length. */
extern const option_entry option_table[];
extern const size_t option_count;

/* The subcommand's name, and its line in --help. */
const char *command_name(command which);
const char *command_summary(command which);

/* True if option `name` was given on the command line. */
bool option_given(const options *from, const char *name);

/* True if results carry the option: it is a parameter of the subcommand, and its number is not 0,
 * which stands for one that does not apply to this part of it. */
bool option_applies(const options *from, const option_entry *entry);

/* The option's field. */
uint64_t option_number(const options *from, const option_entry *entry);
const char *option_text(const options *from, const option_entry *entry);

/* Parses argv. 0: `out` is filled. 1: --help or --version was answered. -1: refused, and a sentence
 * on stderr says what, why and what to do. */
int options_parse(int argc, char **argv, options *out);

/* The defaults of subcommand `which`, with what was given in `from` put over them. */
options options_for(command which, const options *from);

/* Prints help: of all when `which` is COMMAND_COUNT, else of one subcommand. */
void help_print(FILE *out, command which);

#endif
