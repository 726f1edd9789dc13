/* See options.h. */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <whorl.h>

#include "../service/options.h"

#define DAY 86400

static const char usage[] =
    "Usage: httpd [OPTION]... [DIRECTORY]\n"
    "Serves the files below DIRECTORY, by default the current one, over HTTP/1.1.\n\n";

static const char notes[] =
    "\nBYTES take the suffixes K, M and G. Links that lead out of DIRECTORY are not followed.\n"
    "SIGTERM and SIGINT (ctrl-C) end it when the requests have ended that run; a second one\n"
    "at once.\n"
    "\nExit status: 0 it was asked to end; 1 it could not serve; 2 the arguments make no sense.\n";

static const struct options defaults = {
    .directory = ".",
    .address = "127.0.0.1",
    .max_connections = 10000,
    .max_uri = 8192,
    .max_header = 16384,
    .max_body = (size_t)1 << 30,
    .header_timeout = WHORL_SECONDS(15),
    .body_timeout = WHORL_SECONDS(30),
    .send_timeout = WHORL_SECONDS(30),
    .keep_alive = WHORL_SECONDS(60),
    .grace = WHORL_SECONDS(10),
};

static int check(const struct option_table *table, int argc, char **argv, struct options *out)
{
    if (argc - optind > 1)
        return options_refuse(table, "there is one DIRECTORY, not also \"%s\"", argv[optind + 1]);
    if (optind < argc)
        out->directory = argv[optind];
    if (strcmp(out->address, "*") == 0)
        out->address = NULL;
    if (out->max_uri > out->max_header)
        return options_refuse(table, "--max-header is less than --max-uri, and holds it");
    return 0;
}

int options_parse(int argc, char **argv, struct options *out)
{
    size_t port = 8080;
    const struct option_entry entries[] = {
        {"address", OPTION_TEXT, &out->address, 0, 0, "HOST",
         "listen at this name or address (default 127.0.0.1; \"*\": all)"},
        {"port", OPTION_NUMBER, &port, 0, 65535, "PORT",
         "listen at this port (default 8080; 0: one that is free)"},
        {"upload", OPTION_FLAG, &out->upload, 0, 0, NULL, "let clients store files, by PUT"},
        {"no-listing", OPTION_FLAG, &out->no_listing, 0, 0, NULL,
         "do not list directories without index.html"},
        {"access-log", OPTION_TEXT, &out->access_log, 0, 0, "FILE",
         "add a line for each request, in the common log format; -: stderr"},
        {"max-connections", OPTION_NUMBER, &out->max_connections, 1, 1000000, "N",
         "serve N connections at a time; more wait (default 10000)"},
        {"max-uri", OPTION_BYTES, &out->max_uri, 16, 32768, "BYTES",
         "of a request's target (default 8K)"},
        {"max-header", OPTION_BYTES, &out->max_header, 64, 65536, "BYTES",
         "of a request's head, target included (default 16K)"},
        {"max-body", OPTION_BYTES, &out->max_body, 0, 0x1p62, "BYTES",
         "of a file that is put (default 1G)"},
        {"header-timeout", OPTION_SECONDS, &out->header_timeout, 0, DAY, "S",
         "a request's head comes within S seconds (default 15)"},
        {"body-timeout", OPTION_SECONDS, &out->body_timeout, 0, DAY, "S",
         "its body within S seconds and one more for each KiB (default 30)"},
        {"send-timeout", OPTION_SECONDS, &out->send_timeout, 0, DAY, "S",
         "a client takes something within S seconds (default 30)"},
        {"keep-alive", OPTION_SECONDS, &out->keep_alive, 0, DAY, "S",
         "wait S seconds for a connection's next request (default 60; 0: close)"},
        {"grace", OPTION_SECONDS, &out->grace, 0, DAY, "S",
         "when stopping, let requests take S seconds to their end (default 10)"},
    };
    const struct option_table table = {"httpd", usage, notes, entries,
                                       sizeof entries / sizeof entries[0]};
    *out = defaults;
    int taken = options_take(&table, argc, argv);
    snprintf(out->port, sizeof out->port, "%zu", port);
    return taken != 0 ? taken : check(&table, argc, argv, out);
}
