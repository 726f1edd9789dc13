/* See options.h. Long options may be cut short, and take their value with = or as the next word. */
#include "options.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <whorl.h>

#include "text.h"

typedef enum kind { FLAG, TEXT, NUMBER, SECONDS, HEADER, HELP, VERSION } kind;

typedef struct entry {
    const char *name;
    char letter; /* 0: none */
    kind kind;
    size_t offset; /* of its field in options */
    uint64_t least, most;
    const char *value; /* what stands for its value in --help; NULL: it has none */
    const char *help;
} entry;

#define AT(field) offsetof(options, field)
#define DAYS_30 2592000

static const entry table[] = {
    {"output", 'o', TEXT, AT(output), 0, 0, "FILE", "save the one URL as FILE"},
    {"directory", 'd', TEXT, AT(directory), 0, 0, "DIR", "save in DIR, which must be there"},
    {"input-file", 'i', TEXT, AT(input_file), 0, 0, "FILE",
     "take URLs from FILE too, one a line, a name behind it if you like;\n- is stdin"},
    {"jobs", 'j', NUMBER, AT(jobs), 1, 1000, "N", "transfers at a time (default 8)"},
    {"per-host", 0, NUMBER, AT(per_host), 1, 1000, "N", "of these, from one host (default 4)"},
    {"force", 'f', FLAG, AT(force), 0, 0, NULL, "replace files that are there already"},
    {"no-resume", 0, FLAG, AT(no_resume), 0, 0, NULL, "begin anew, whatever is there in part"},
    {"checksum", 0, TEXT, AT(checksum), 0, 0, "FILE",
     "check SHA-256 sums, which FILE holds as sha256sum(1) writes them;\n"
     "a single one may stand in its URL: https://host/file#sha256=..."},
    {"retries", 0, NUMBER, AT(retries), 0, 1000, "N",
     "try again N times after what may pass (default 5)"},
    {"retry-delay", 0, SECONDS, AT(retry_delay), 0, 3600, "S",
     "first wait S seconds, then twice as long each time (default 1)"},
    {"timeout", 0, SECONDS, AT(timeout), 0, DAYS_30, "S",
     "give a file up after S seconds, retries included (default 0: never)"},
    {"connect-timeout", 0, SECONDS, AT(connect_timeout), 0, 3600, "S",
     "S seconds to connect (default 30)"},
    {"stall-timeout", 0, SECONDS, AT(stall_timeout), 0, DAYS_30, "S",
     "S seconds without a byte are too many (default 30)"},
    {"max-redirects", 0, NUMBER, AT(max_redirects), 0, 100, "N", "follow N redirects (default 10)"},
    {"header", 'H', HEADER, 0, 0, 0, "LINE", "send a header, such as \"Accept: text/html\""},
    {"user-agent", 0, TEXT, AT(user_agent), 0, 0, "TEXT",
     "send TEXT as User-Agent (default whorl-get and its version)"},
    {"cacert", 0, TEXT, AT(cacert), 0, 0, "FILE",
     "trust the certificates in FILE (PEM) instead of the system's"},
    {"insecure", 0, FLAG, AT(insecure), 0, 0, NULL,
     "trust any server, and follow redirects from https to http"},
    {"json", 0, TEXT, AT(json), 0, 0, "FILE",
     "write to FILE what became of each URL, as JSON; - is stdout"},
    {"quiet", 'q', FLAG, AT(quiet), 0, 0, NULL, "tell of failures only"},
    {"no-progress", 0, FLAG, AT(no_progress), 0, 0, NULL, "show no bars"},
    {"help", 'h', HELP, 0, 0, 0, NULL, "print this"},
    {"version", 'V', VERSION, 0, 0, 0, NULL, "print the version"},
};

enum { ENTRIES = sizeof table / sizeof table[0], FIRST_CODE = 256 };

#define WORD(n) #n
#define DOTTED(a, b, c) WORD(a) "." WORD(b) "." WORD(c)
static const char user_agent[] =
    "whorl-get/" DOTTED(WHORL_VERSION_MAJOR, WHORL_VERSION_MINOR, WHORL_VERSION_PATCH);

static const options defaults = {
    .directory = ".",
    .user_agent = user_agent,
    .jobs = 8,
    .per_host = 4,
    .retries = 5,
    .max_redirects = 10,
    .retry_delay = WHORL_SECONDS(1),
    .connect_timeout = WHORL_SECONDS(30),
    .stall_timeout = WHORL_SECONDS(30),
};

int refuse(const char *format, ...)
{
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fputs("whorl-get: ", stderr);
    text_put_plain(stderr, text);
    fputc('\n', stderr);
    return -1;
}

static void print_help(void)
{
    fputs("Usage: whorl-get [OPTION]... URL...\n"
          "Downloads many URLs at once, over http and https.\n\n",
          stdout);
    for (size_t i = 0; i < ENTRIES; i++) {
        char left[40];
        const entry *at = &table[i];
        snprintf(left, sizeof left, "%c%c%s --%s%s%s", at->letter != 0 ? '-' : ' ',
                 at->letter != 0 ? at->letter : ' ', at->letter != 0 ? "," : " ", at->name,
                 at->value != NULL ? " " : "", at->value != NULL ? at->value : "");
        printf("  %-26s ", left);
        for (const char *text = at->help; *text != '\0'; text++) {
            putchar(*text);
            if (*text == '\n')
                printf("%29s", "");
        }
        putchar('\n');
    }
    fputs("\nA file is called NAME.part until it is whole. One that was left so is gone on with.\n"
          "\nExit status: 0 all were saved; 1 some were not; 2 the arguments make no sense;\n"
          "130 ended by ctrl-C.\n",
          stdout);
}

/* A whole number, or seconds with a fraction, from least to most. */
static int set_number(const entry *at, const char *text, options *out)
{
    char *end;
    double value = strtod(text, &end);
    bool is_plain = *text >= '0' && *text <= '9' && *end == '\0' &&
                    strspn(text, "0123456789.") == strlen(text) &&
                    (at->kind == SECONDS || strchr(text, '.') == NULL);
    if (!is_plain || value < (double)at->least || value > (double)at->most)
        return refuse("--%s is \"%s\": give it a %s from %" PRIu64 " to %" PRIu64, at->name, text,
                      at->kind == SECONDS ? "number of seconds" : "whole number", at->least,
                      at->most);
    char *field = (char *)out + at->offset;
    if (at->kind == SECONDS)
        *(int64_t *)(void *)field = (int64_t)(value * 1e9);
    else
        *(uint64_t *)(void *)field = (uint64_t)value;
    return 0;
}

/* A header is NAME: VALUE, and no second line hides in it. */
static int add_header(const char *text, options *out)
{
    const char *colon = strchr(text, ':');
    bool is_good = colon != NULL && colon != text && strcspn(text, "\r\n") == strlen(text) &&
                   strcspn(text, " \t") > (size_t)(colon - text);
    if (!is_good)
        return refuse("--header is \"%s\": write it as \"Name: value\"", text);
    struct curl_slist *longer = curl_slist_append(out->headers, text);
    if (longer == NULL)
        return refuse("there is no memory left");
    out->headers = longer;
    return 0;
}

/* 0; 1: it was answered; -1: refused. */
static int take(const entry *at, const char *text, options *out)
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
    case NUMBER:
    case SECONDS:
        return set_number(at, text, out);
    case HEADER:
        return add_header(text, out);
    case HELP:
        print_help();
        return 1;
    case VERSION:
        printf("whorl-get %s (%s)\n", whorl_version(), curl_version());
        return 1;
    }
    return -1;
}

/* getopt_long's tables of ours. */
static void describe(struct option *longs, char *letters)
{
    *letters++ = ':'; /* a value that is missing gives ':' */
    for (int i = 0; i < ENTRIES; i++) {
        int takes = table[i].value != NULL ? required_argument : no_argument;
        longs[i] = (struct option){table[i].name, takes, NULL, FIRST_CODE + i};
        if (table[i].letter == 0)
            continue;
        *letters++ = table[i].letter;
        if (takes == required_argument)
            *letters++ = ':';
    }
    *letters = '\0';
    longs[ENTRIES] = (struct option){0};
}

static const entry *find(int code)
{
    if (code >= FIRST_CODE)
        return &table[code - FIRST_CODE];
    for (size_t i = 0; i < ENTRIES; i++)
        if (table[i].letter != 0 && table[i].letter == code)
            return &table[i];
    return NULL;
}

static int check(const options *given)
{
    if (given->count == 0 && given->input_file == NULL)
        return refuse("say what to download: whorl-get URL..., or --input-file FILE; --help tells "
                      "more");
    if (given->output != NULL && (given->count != 1 || given->input_file != NULL))
        return refuse(
            "--output names one file, and there may be several: leave it out, or give one "
            "URL");
    return 0;
}

int options_parse(int argc, char **argv, options *out)
{
    struct option longs[ENTRIES + 1];
    char letters[2 * ENTRIES + 2];
    int code, taken = 0;
    describe(longs, letters);
    *out = defaults;
    opterr = 0;
    while (taken == 0 && (code = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        const entry *at = find(code);
        const char *word = argv[optind - 1];
        if (at != NULL)
            taken = take(at, optarg, out);
        else if (code == ':')
            taken = refuse("%s needs a value: --help tells which", word);
        else
            taken =
                refuse("there is no option \"%s\", or it takes no value, or its name is cut too "
                       "short: --help lists them",
                       word);
    }
    out->urls = argv + optind;
    out->count = argc - optind;
    if (taken == 0)
        taken = check(out);
    if (taken != 0)
        options_drop(out);
    return taken;
}

void options_drop(options *self)
{
    curl_slist_free_all(self->headers);
}
