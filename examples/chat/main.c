/*
 * A chat server: rooms over TCP, a line at a time, and a UDP port at which it is found. With
 * --discover it is one who looks for servers.
 *
 * One task serves connections (whorl_serve), with a handler and a writer for each (member.c); one
 * answers datagrams (discovery.c); the main one waits for SIGTERM and SIGINT, has each member told
 * goodbye, and stops the server, which then waits for them; a second signal ends that wait. What is
 * open is closed at the end of the run.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "../service/options.h"
#include "../service/service.h"
#include "chat.h"

/* Connections beyond the members': those who are told that there is no room. */
enum { TURNED_AWAY = 64 };

static const char usage[] =
    "Usage: chat [OPTION]... [PORT]\n"
    "       chat --discover [OPTION]... [HOST]\n"
    "Serves chat rooms on a TCP port (default 0: one that is free), and prints which. Or asks, by\n"
    "a broadcast, or the HOST, who serves chat, and prints the answers.\n\n";

static const char notes[] =
    "\nThe protocol is lines of UTF-8: nc is a client, and so is telnet. A member sends commands,\n"
    "such as \"nick ann\", \"join kitchen\", \"say kitchen hello\"; \"help\" lists them. It gets\n"
    "\"ok: ...\" or \"error: ...\" in answer, \"ROOM NAME: TEXT\" for what is said, \"ROOM NAME "
    "joins\"\n"
    "and \"leaves\", and last of all \"bye: ...\", with the reason.\n"
    "\nTo be found, it answers a datagram that begins with \"who serves chat?\" by one that says\n"
    "\"chat PORT\", and \"ROOM MEMBERS\" for each room, a line each, as far as that is no longer\n"
    "than the question: so pad it.\n"
    "\nSIGTERM and ctrl-C stop it. Exit status: 0 it was stopped, or somebody was found; 1 it "
    "could\n"
    "not begin or go on, or nobody was found; 2 the arguments make no sense.\n";

static void say_goodbye(void *arg)
{
    struct chat *chat = arg;
    chat->is_stopping = true;
    for (size_t i = 0; i < chat->members.count; i++)
        member_end(chat->members.items[i], "the server stops");
}

static int serve_until_stop(struct chat *chat)
{
    const struct service service = {
        .listener = chat->listener,
        .handler = member_serve,
        .beside = chat->is_hidden ? NULL : discovery_run,
        .stopping = say_goodbye,
        .arg = chat,
        .options = {.limit = chat->connections_max,
                    .grace = 4 * chat->linger, /* longer than a goodbye takes */
                    .name = "member"},
    };
    return service_serve(&service);
}

static intptr_t serve(void *arg)
{
    struct chat *chat = arg;
    int error = whorl_listen_tcp(chat->host, chat->port, NULL, &chat->listener);
    if (error)
        return service_tell("cannot listen on %s, port %s: %s", chat->host, chat->port,
                            whorl_resolve_explain(error));
    error = chat->is_hidden ? 0 : discovery_open(chat);
    if (error)
        return service_tell("cannot be found by UDP; give another --discovery-port, or "
                            "--hidden: %s",
                            whorl_resolve_explain(error));
    error = service_say_where(chat->listener);
    if (!error)
        error = serve_until_stop(chat);
    return error ? service_tell("cannot go on: %s", strerror(-error)) : 0;
}

static struct chat chat = {
    .port = "0",
    .udp_port = "7775",
    .members_max = 2000,
    .rooms_max = 100,
    .line_max = 1000,
    .behind_max = 256,
    .rate = 10,
    .idle_limit = WHORL_SECONDS(3600),
    .linger = WHORL_SECONDS(2),
    .wait = WHORL_SECONDS(1),
};
static bool discovers;

static const struct option_entry entries[] = {
    {"host", OPTION_TEXT, &chat.host, 0, 0, "HOST",
     "serve at this address or name (default 127.0.0.1); a broadcast finds it at 0.0.0.0: all"},
    {"discovery-port", OPTION_TEXT, &chat.udp_port, 0, 0, "PORT",
     "UDP port to be found at, or to ask at (default 7775)"},
    {"hidden", OPTION_FLAG, &chat.is_hidden, 0, 0, NULL, "serve, and answer no datagrams"},
    {"members", OPTION_NUMBER, &chat.members_max, 1, 1000000, "N",
     "members at a time; more are turned away (default 2000)"},
    {"rooms", OPTION_NUMBER, &chat.rooms_max, 1, 1000000, "N", "rooms at a time (default 100)"},
    {"line", OPTION_NUMBER, &chat.line_max, 64, 60000, "N",
     "bytes of a line; who sends a longer one is disconnected (default 1000)"},
    {"behind", OPTION_NUMBER, &chat.behind_max, 1, 1000000, "N",
     "disconnect who is N lines behind in reading, or bytes of N of the longest (default 256)"},
    {"rate", OPTION_NUMBER, &chat.rate, 0, 1000000, "N",
     "lines a second that are taken from a member, after 20 at once; 0: any (default 10)"},
    {"idle-timeout", OPTION_SECONDS, &chat.idle_limit, 0, 86400 * 30, "S",
     "disconnect who sends no whole line for S seconds; 0: never (default 3600)"},
    {"linger", OPTION_SECONDS, &chat.linger, 0.01, 3600, "S",
     "seconds that one who must go has to read what is still for it (default 2)"},
    {"verbose", OPTION_FLAG, &chat.is_verbose, 0, 0, NULL, "tell who leaves, and why"},
    {"discover", OPTION_FLAG, &discovers, 0, 0, NULL, "ask who serves chat"},
    {"wait", OPTION_SECONDS, &chat.wait, 0.01, 3600, "S",
     "seconds to wait for answers (default 1)"},
};

/* Ports are judged by the library, which knows names of services too. */
static int take_arguments(int argc, char **argv)
{
    const struct option_table table = {usage, notes, entries, sizeof entries / sizeof *entries};
    if (options_take(&table, argc, argv) != 0)
        return -1;
    if (argc - optind > 1)
        return options_refuse("there is one %s, not \"%s\"", discovers ? "HOST" : "PORT",
                              argv[optind + 1]);
    if (discovers && strcmp(chat.udp_port, "0") == 0)
        return options_refuse("nobody can be asked at port 0: give a --discovery-port");
    if (chat.idle_limit == 0)
        chat.idle_limit = WHORL_FOREVER;
    if (!chat.host)
        chat.host = discovers ? "255.255.255.255" : "127.0.0.1";
    if (argc > optind)
        *(discovers ? &chat.host : &chat.port) = argv[optind];
    return 0;
}

int main(int argc, char **argv)
{
    if (take_arguments(argc, argv) != 0)
        return 2;
    service_keep_closed();
    if (discovers)
        return whorl_run(discovery_ask, &chat) < 0;
    whorl_config config = {.sigint = WHORL_SIGINT_LEAVE};
    service_begin();
    chat.connections_max = service_connections(chat.members_max + TURNED_AWAY, 1, NULL);
    return whorl_run_with(&config, serve, &chat) < 0;
}
