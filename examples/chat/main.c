/*
 * A chat server: rooms over TCP, a line at a time, and a UDP port at which it is found. With
 * --discover it is one who looks for servers.
 *
 * One task serves connections (whorl_serve), with a handler and a writer for each (member.c); one
 * answers datagrams (discovery.c); one waits for SIGTERM and SIGINT, has each member told goodbye,
 * and stops the server, which then waits for them; a second signal ends that wait.
 *
 * Status 0: it was stopped, or somebody was found; 1: it could not begin or go on, or nobody was
 * found; 2: the arguments make no sense.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../service/options.h"
#include "../service/service.h"
#include "chat.h"

/* What is open beside the members' connections. */
enum { DESCRIPTORS_ELSE = 64 };

/* Connections beyond the members': those who are told that there is no room. */
enum { TURNED_AWAY = 64 };

static const char usage[] =
    "Usage: chat [OPTION]... [PORT]\n"
    "       chat --discover [OPTION]... [HOST]\n"
    "Serves chat rooms on a TCP port (default 0: one that is free), and prints which. Or asks, by\n"
    "a broadcast, or the HOST, who serves chat, and prints the answers.\n"
    "\n";

static const char notes_head[] = "\n"
                                 "The protocol is lines of UTF-8, ended by a newline: nc is a "
                                 "client, and so is telnet. A member\n"
                                 "sends\n";

static const char notes_tail[] =
    "and gets \"ok: ...\" or \"error: ...\" in answer, \"ROOM NAME: TEXT\" for what is said, "
    "\"ROOM\n"
    "NAME joins\" and \"leaves\", and last of all \"bye: ...\", with the reason. A name is 1 to "
    "32\n"
    "letters, digits, \"-\", \"_\" and \".\".\n"
    "\n"
    "To be found, it answers a datagram that begins with \"who serves chat?\" by one that says\n"
    "\"chat PORT\", and \"ROOM MEMBERS\" for each room, a line each, as far as that is no longer\n"
    "than the question: so pad it.\n"
    "\n"
    "SIGTERM and ctrl-C stop it. Exit status: 0 it was stopped, or somebody was found; 1 it could\n"
    "not begin or go on, or nobody was found; 2 the arguments make no sense.\n"
    "\n"
    "Try it: chat 7777, and elsewhere nc localhost 7777, with these lines:\n"
    "  nick ann\n"
    "  join kitchen\n"
    "  say kitchen hello\n";

void chat_tell(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("chat: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

static int complain(const char *what, const char *of, const char *why, int error)
{
    chat_tell("%s%s: %s", what, of, why);
    return error;
}

struct stopper {
    struct chat *chat;
    whorl_task *server;
    int error; /* why it cannot wait; 0: it can */
};

/* A task's function. */
static intptr_t stop_on_signal(void *arg)
{
    struct stopper *self = arg;
    struct chat *chat = self->chat;
    int number = service_wait_for_stop();
    if (number == -ECANCELED)
        return number;
    if (number < 0) {
        self->error = number;
        return whorl_cancel(self->server);
    }
    chat->is_stopping = true;
    for (size_t i = 0; i < chat->member_count; i++)
        member_end(chat->members[i], "the server stops");
    whorl_listener_stop(chat->listener);
    number = service_wait_for_stop();
    return number < 0 ? number : whorl_cancel(self->server);
}

/* Serves until a stop. What is told to members whom nobody can tell anything is cut by the grace,
 * which is longer than a goodbye takes. */
static int serve_members(struct chat *chat)
{
    struct stopper stopper = {chat, whorl_self(), 0};
    whorl_serve_options options = {
        .limit = chat->members_max + TURNED_AWAY,
        .grace = 4 * chat->linger,
        .name = "member",
    };
    whorl_task *stopping = whorl_spawn(stop_on_signal, &stopper);
    if (!stopping)
        return -ENOMEM;
    int result = whorl_serve_with(chat->listener, member_serve, chat, &options);
    if (chat->is_stopping || stopper.error) {
        whorl_uncancel();
        result = stopper.error;
    }
    whorl_cancel(stopping);
    whorl_join(stopping);
    return result;
}

/* The same, and is found meanwhile. */
static int serve_and_answer(struct chat *chat, int fd)
{
    struct discovery discovery = {chat, fd};
    whorl_task *answering = fd < 0 ? NULL : whorl_spawn(discovery_run, &discovery);
    if (fd >= 0 && !answering)
        return -ENOMEM;
    int result = service_say_where(chat->listener);
    if (!result)
        result = serve_members(chat);
    if (answering) {
        whorl_cancel(answering);
        whorl_join(answering);
    }
    return result;
}

static int serve_on_ports(struct chat *chat)
{
    int fd = chat->is_hidden ? -1 : discovery_open(chat);
    if (fd < 0 && !chat->is_hidden)
        return complain("cannot be found by UDP; give another --discovery-port, or --hidden", "",
                        strerror(-fd), fd);
    int result = serve_and_answer(chat, fd);
    if (fd >= 0)
        whorl_close(fd);
    return result ? complain("cannot go on", "", strerror(-result), result) : 0;
}

static intptr_t serve(void *arg)
{
    struct chat *chat = arg;
    int error = whorl_listen_tcp(chat->host, chat->port, NULL, &chat->listener);
    if (error)
        return complain("cannot listen on port ", chat->port, whorl_resolve_explain(error), error);
    int result = serve_on_ports(chat);
    whorl_listener_close(chat->listener);
    return result;
}

/* Two descriptors of whorl's own are among the others. More members than descriptors are told of
 * now, and not when they are missed. */
static void want_descriptors(const struct chat *chat)
{
    size_t wanted = chat->members_max + DESCRIPTORS_ELSE + TURNED_AWAY;
    size_t most = service_raise_descriptors();
    if (most < wanted)
        chat_tell("%zu members want %zu descriptors, and there are %zu: lower --members, or raise "
                  "ulimit -Hn",
                  chat->members_max, wanted, most);
}

static int run_server(struct chat *chat)
{
    service_hold_signals();
    want_descriptors(chat);
    chat->members = calloc(chat->members_max, sizeof(struct member *));
    chat->rooms = calloc(chat->rooms_max, sizeof(struct room *));
    intptr_t result = -ENOMEM;
    whorl_config config = {.sigint = WHORL_SIGINT_LEAVE};
    if (chat->members && chat->rooms)
        result = whorl_run_with(&config, serve, chat);
    else
        complain("cannot begin", "", strerror(ENOMEM), -ENOMEM);
    free(chat->members);
    free(chat->rooms);
    return result < 0;
}

static int run_search(struct search *search)
{
    intptr_t result = whorl_run(search_run, search);
    if (result == 0 && search->found == 0)
        chat_tell("nobody has answered; see that a server runs, with the same --discovery-port, "
                  "and that UDP gets there");
    return result < 0 || search->found == 0;
}

static struct chat chat = {
    .host = "127.0.0.1",
    .port = "0",
    .discovery_port = 7775,
    .members_max = 2000,
    .rooms_max = 100,
    .line_max = 1000,
    .behind_max = 256,
    .rate = 10,
    .idle_limit = WHORL_SECONDS(3600),
    .linger = WHORL_SECONDS(2),
};
static struct search search = {.host = "255.255.255.255", .wait = WHORL_SECONDS(1)};
static bool discovers;

static const struct option_entry entries[] = {
    {"host", OPTION_TEXT, &chat.host, 0, 0, "HOST",
     "serve at this address or name; 0.0.0.0 is all of this\nmachine's, and then a broadcast finds "
     "it (default\n127.0.0.1)"},
    {"discovery-port", OPTION_NUMBER, &chat.discovery_port, 0, 65535, "N",
     "UDP port to be found at, or to ask at; of a server, 0 is\none that is free (default 7775)"},
    {"hidden", OPTION_FLAG, &chat.is_hidden, 0, 0, NULL, "serve, and answer no datagrams"},
    {"members", OPTION_NUMBER, &chat.members_max, 1, 1000000, "N",
     "members at a time; more are turned away (default 2000)"},
    {"rooms", OPTION_NUMBER, &chat.rooms_max, 1, 1000000, "N", "rooms at a time (default 100)"},
    {"line", OPTION_NUMBER, &chat.line_max, 64, 60000, "N",
     "bytes of a line; who sends a longer one is disconnected\n(default 1000)"},
    {"behind", OPTION_NUMBER, &chat.behind_max, 1, 1000000, "N",
     "lines that a member may be behind in reading, or bytes of\nso many of the longest; then it "
     "is disconnected (default 256)"},
    {"rate", OPTION_NUMBER, &chat.rate, 0, 1000000, "N",
     "lines a second that are taken from a member, after 20 at\nonce; 0: any number (default 10)"},
    {"idle-timeout", OPTION_SECONDS, &chat.idle_limit, 0, 86400 * 30, "S",
     "disconnect who sends no whole line for S seconds; 0: never\n(default 3600)"},
    {"linger", OPTION_SECONDS, &chat.linger, 0.01, 3600, "S",
     "seconds that one who must go has to read what is still for\nit, and its goodbye (default "
     "2)"},
    {"verbose", OPTION_FLAG, &chat.is_verbose, 0, 0, NULL, "tell who leaves, and why"},
    {"discover", OPTION_FLAG, &discovers, 0, 0, NULL, "ask who serves chat"},
    {"wait", OPTION_SECONDS, &search.wait, 0.01, 3600, "S",
     "seconds to wait for answers (default 1)"},
};

/* A port is judged by whorl_listen_tcp, which knows names of services too. */
static int take_arguments(int argc, char **argv)
{
    char notes[4096];
    snprintf(notes, sizeof notes, "%s%s%s", notes_head, command_help, notes_tail);
    const struct option_table table = {"chat", usage, notes, entries,
                                       sizeof entries / sizeof *entries};
    int taken = options_take(&table, argc, argv);
    if (taken != 0)
        return taken;
    if (argc - optind > 1)
        return options_refuse(&table, "there is one %s, not \"%s\"", discovers ? "HOST" : "PORT",
                              argv[optind + 1]);
    if (discovers && chat.discovery_port == 0)
        return options_refuse(&table, "nobody can be asked at port 0: give a --discovery-port");
    if (chat.idle_limit == 0)
        chat.idle_limit = WHORL_FOREVER;
    search.port = chat.discovery_port;
    if (argc > optind)
        *(discovers ? &search.host : &chat.port) = argv[optind];
    return 0;
}

int main(int argc, char **argv)
{
    int taken = take_arguments(argc, argv);
    if (taken != 0)
        return taken < 0 ? 2 : 0;
    return discovers ? run_search(&search) : run_server(&chat);
}
