/*
 * The chat, its rooms and its members. All of it belongs to one loop: a task has it to itself until
 * it waits, and nothing here is locked.
 *
 * A room is there as long as somebody is in it. A member is in chat->members from its greeting to
 * its leaving, and in a room's members from its join to its leave; it goes out of all of them in
 * its own task only, so that who goes through a room may send to each without looking back.
 */
#ifndef CHAT_CHAT_H
#define CHAT_CHAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <whorl.h>

#include "line.h"
#include "text.h"

enum { CHAT_ROOMS_EACH = 10 };

struct chat {
    /* As the command line has it. */
    const char *host;
    const char *port;
    size_t discovery_port;
    bool is_hidden;     /* no discovery */
    size_t members_max; /* at a time */
    size_t rooms_max;   /* at a time */
    size_t line_max;    /* bytes of a line, without its newline */
    size_t behind_max;  /* lines that one who does not read may be behind; bounds the bytes too */
    size_t rate;        /* lines a second that are taken from a member; 0: any number */
    int64_t idle_limit; /* ns for a member's next line; WHORL_FOREVER: none */
    int64_t linger;     /* ns that a member who must go has to take what is still for it */
    bool is_verbose;

    whorl_listener *listener;
    bool is_stopping;
    struct member **members;
    size_t member_count;
    struct room **rooms;
    size_t room_count;
};

struct room {
    char name[CHAT_NAME_MAX + 1];
    struct member **members;
    size_t count;
    size_t space; /* members that there is memory for */
};

struct member {
    struct chat *chat;
    whorl_stream *stream;
    whorl_group reading; /* round the taking of its lines: to end that, it is cancelled */
    bool is_reading;
    char name[CHAT_NAME_MAX + 1]; /* "": it has not said it */
    struct room *rooms[CHAT_ROOMS_EACH];
    size_t room_count;
    whorl_queue lines; /* struct text *, each with a use of the queue's: what it has yet to get */
    size_t behind;     /* bytes in `lines` */
    bool is_writing;   /* while its writer waits: the kernel takes no more for it */
    int64_t line_due;  /* when the lines that it has sent so far would have come at chat->rate */
    char ending[80];   /* why it must go; "": it need not */
};

/* --- Rooms: room.c --- */

/* NULL: there is none. */
struct room *room_find(const struct chat *chat, const char *name);

/* Has the member join, and makes the room if it is the first. NULL, or why it cannot. */
const char *room_join(struct chat *chat, const char *name, struct member *member);

/* Takes the member out of the room, and tells the others; the last one takes the room away. */
void room_leave(struct chat *chat, struct room *room, struct member *member);

bool room_has(const struct room *room, const struct member *member);

/* Sends a text to each member of the room, and releases it. NULL, as text_make gives it for want of
 * memory, ends those whom it would have gone to: else they would miss it and not know. */
void room_send(struct room *room, struct text *text);

/* --- Members: member.c --- */

/* A connection's handler, of a struct chat *. */
intptr_t member_serve(whorl_stream *stream, void *arg);

/* Sends the member a text, which stays the caller's. Does not wait: one that is too far behind, or
 * has no memory for it, is ended. */
void member_send(struct member *self, struct text *text);

/* The same with a text that is made for it, and released; NULL ends it likewise. */
void member_answer(struct member *self, struct text *text);

/* Has the member leave soon, for a reason that it is told. Does not wait; the first reason
 * stays. */
void member_end(struct member *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* NULL: nobody has this name. */
struct member *member_find(const struct chat *chat, const char *name);

/* --- Commands: command.c --- */

/* Does what a member's line asks for. False: it wants to quit. */
bool command_run(struct member *self, const char *line, size_t len);

/* The lines that "help" answers with; --help tells them too. */
extern const char command_help[];

/* --- Being found: discovery.c --- */

/* Binds the UDP port, and says where. The socket, or -errno. */
int discovery_open(const struct chat *chat);

struct discovery {
    const struct chat *chat;
    int fd;
};

/* A task's function, of a struct discovery *: answers who asks; ends by a cancel or a failure. */
intptr_t discovery_run(void *arg);

/* Looking for servers, as the command line has it. */
struct search {
    const char *host;
    size_t port;
    int64_t wait; /* ns for answers to come */
    size_t found;
};

/* A task's function, of a struct search *: asks, and prints each answer. 0, or -errno. */
intptr_t search_run(void *arg);

/* --- main.c --- */

/* Tells a line on stderr, with the program's name before it. */
void chat_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
