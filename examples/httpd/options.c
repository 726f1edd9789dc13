/* See options.h. One table is the options, their bounds and their help. */
#include "options.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <whorl.h>

enum kind { FLAG, TEXT, NUMBER, BYTES, SECONDS, HELP };

struct entry {
    const char *name;
    enum kind kind;
    size_t offset; /* of its field in options */
    uint64_t least, most;
    const char *value; /* what stands for its value in --help; NULL: it has none */
    const char *help;
};

#define AT(field) offsetof(struct options, field)
#define DAY 86400

static const struct entry table[] = {
    {"address", TEXT, AT(address), 0, 0, "HOST",
     "listen at this name or address (default 127.0.0.1; \"*\": all)"},
    {"port", NUMBER, AT(port), 0, 65535, "PORT",
     "listen at this port (default 8080; 0: one that is free)"},
    {"upload", FLAG, AT(upload), 0, 0, NULL, "let clients store files, by PUT"},
    {"no-listing", FLAG, AT(no_listing), 0, 0, NULL, "do not list directories without index.html"},
    {"access-log", TEXT, AT(access_log), 0, 0, "FILE",
     "add a line for each request, in the common log format; -: stderr"},
    {"max-connections", NUMBER, AT(max_connections), 1, 1000000, "N",
     "serve N connections at a time; more wait (default 10000)"},
    {"max-uri", BYTES, AT(max_uri), 16, 32768, "BYTES", "of a request's target (default 8K)"},
    {"max-header", BYTES, AT(max_header), 64, 65536, "BYTES",
     "of a request's head, target included (default 16K)"},
    {"max-body", BYTES, AT(max_body), 0, INT64_MAX, "BYTES", "of a file that is put (default 1G)"},
    {"header-timeout", SECONDS, AT(header_timeout), 0, DAY, "S",
     "a request's head comes within S seconds (default 15)"},
    {"body-timeout", SECONDS, AT(body_timeout), 0, DAY, "S",
     "its body within S seconds and one more for each KiB (default 30)"},
    {"send-timeout", SECONDS, AT(send_timeout), 0, DAY, "S",
     "a client takes something within S seconds (default 30)"},
    {"keep-alive", SECONDS, AT(keep_alive), 0, DAY, "S",
     "wait S seconds for a connection's next request (default 60; 0: close)"},
    {"grace", SECONDS, AT(grace), 0, DAY, "S",
     "when stopping, let requests take S seconds to their end (default 10)"},
    {"help", HELP, 0, 0, 0, NULL, "print this"},
};

enum { ENTRIES = sizeof table / sizeof table[0], FIRST_CODE = 256 };

static const struct options defaults = {
    .directory = ".",
    .address = "127.0.0.1",
    .port = "8080",
    .max_connections = 10000,
    .max_uri = 8192,
    .max_header = 16384,
    .max_body = UINT64_C(1) << 30,
    .header_timeout = WHORL_SECONDS(15),
    .body_timeout = WHORL_SECONDS(30),
    .send_timeout = WHORL_SECONDS(30),
    .keep_alive = WHORL_SECONDS(60),
    .grace = WHORL_SECONDS(10),
};

int refuse(const char *format, ...)
{
    va_list arguments;
    fputs("httpd: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return -1;
}

static int print_help(void)
{
    fputs("Usage: httpd [OPTION]... [DIRECTORY]\n"
          "Serves the files below DIRECTORY, by default the current one, over HTTP/1.1.\n\n",
          stdout);
    for (size_t i = 0; i < ENTRIES; i++) {
        char left[40];
        snprintf(left, sizeof left, "--%s%s%s", table[i].name, table[i].value != NULL ? " " : "",
                 table[i].value != NULL ? table[i].value : "");
        printf("  %-22s %s\n", left, table[i].help);
    }
    fputs(
        "\nBYTES take the suffixes K, M and G. Links that lead out of DIRECTORY are not followed.\n"
        "SIGTERM and SIGINT (ctrl-C) end it when the requests have ended that run; a second one\n"
        "at once.\n"
        "\nExit status: 0 it was asked to end; 1 it could not serve; 2 the arguments make no "
        "sense.\n",
        stdout);
    return fflush(stdout) == 0 ? 1 : refuse("the help cannot be printed");
}

/* What stands behind a number of bytes. 0: nonsense. */
static uint64_t unit_of(const char *suffix)
{
    static const char suffixes[] = "KMG";
    if (*suffix == '\0')
        return 1;
    const char *found = suffix[1] == '\0' ? strchr(suffixes, *suffix) : NULL;
    return found != NULL ? UINT64_C(1024) << 10 * (found - suffixes) : 0;
}

static int set_number(const struct entry *at, const char *text, struct options *out)
{
    char *end;
    char *field = (char *)out + at->offset;
    double value = strtod(text, &end);
    uint64_t unit = at->kind == BYTES ? unit_of(end) : *end == '\0';
    bool plain = strspn(text, "0123456789.") == (size_t)(end - text) && end != text &&
                 (at->kind == SECONDS || strchr(text, '.') == NULL) && unit > 0;
    value *= (double)unit;
    if (!plain || value < (double)at->least || value > (double)at->most)
        return refuse("--%s is \"%s\": give it a number from %" PRIu64 " to %" PRIu64, at->name,
                      text, at->least, at->most);
    if (at->kind == SECONDS)
        *(int64_t *)(void *)field = (int64_t)(value * 1e9);
    else if (at->offset == AT(port))
        out->port = text;
    else
        *(uint64_t *)(void *)field = value < 0x1p63 ? (uint64_t)value : INT64_MAX;
    return 0;
}

static int take(const struct entry *at, const char *text, struct options *out)
{
    switch (at->kind) {
    case FLAG:
        *(bool *)((char *)out + at->offset) = true;
        return 0;
    case TEXT:
        if (*text == '\0')
            return refuse("--%s is empty: give it a value, or leave it out", at->name);
        *(const char **)(void *)((char *)out + at->offset) = text;
        return 0;
    case HELP:
        return print_help();
    default:
        return set_number(at, text, out);
    }
}

static int check(int argc, char **argv, struct options *out)
{
    if (argc - optind > 1)
        return refuse("there is one DIRECTORY, not also \"%s\"; --help tells more",
                      argv[optind + 1]);
    if (optind < argc)
        out->directory = argv[optind];
    if (strcmp(out->address, "*") == 0)
        out->address = NULL;
    if (out->max_uri > out->max_header)
        return refuse("--max-header is less than --max-uri, and holds it: make it larger");
    return 0;
}

int options_parse(int argc, char **argv, struct options *out)
{
    struct option longs[ENTRIES + 1] = {{0}};
    int code, taken = 0;
    for (int i = 0; i < ENTRIES; i++)
        longs[i] =
            (struct option){table[i].name, table[i].value != NULL ? required_argument : no_argument,
                            NULL, FIRST_CODE + i};
    *out = defaults;
    opterr = 0;
    while (taken == 0 && (code = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
        if (code >= FIRST_CODE)
            taken = take(&table[code - FIRST_CODE], optarg, out);
        else if (code == ':')
            taken = refuse("%s needs a value; --help tells which", argv[optind - 1]);
        else
            taken = refuse("there is no option \"%s\", or it takes no value; --help lists them",
                           argv[optind - 1]);
    }
    return taken != 0 ? taken : check(argc, argv, out);
}
