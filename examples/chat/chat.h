/*
 * The chat, its rooms and its members. All of it belongs to one loop: a task has it to itself until
 * it waits, and nothing here is locked.
 *
 * A room is there as long as somebody is in it. A member is in chat->members from its greeting to
 * its leaving, and in a room's members from its join to its leave; it goes out of all of them in
 * its own task only, so that who goes through a list may tell each something without looking back.
 */
#ifndef CHAT_CHAT_H
#define CHAT_CHAT_H

#include <stdbool.h>
#include <whorl.h>

#include "line.h"

/* Rooms or members: structs that begin with their names. */
struct list {
    void **items;
    size_t count;
};

struct chat {
    /* As the command line has it. */
    const char *host; /* to listen at, or to ask */
    const char *port, *udp_port;
    bool is_hidden; /* no UDP */
    size_t members_max, rooms_max;
    size_t line_max;    /* bytes of a line, without its newline */
    size_t behind_max;  /* lines that one who does not read may be behind; bounds the bytes too */
    size_t rate;        /* lines a second that are taken from a member; 0: any number */
    int64_t idle_limit; /* ns for a member's next line; WHORL_FOREVER: none */
    int64_t linger;     /* ns that a member who must go has to take what is still for it */
    int64_t wait;       /* ns for answers to one who asks */
    bool is_verbose;

    size_t connections_max; /* members, and those who are told that there is no room */
    whorl_listener *listener;
    whorl_datagram *udp;
    bool is_stopping;
    struct list members, rooms;
};

struct room {
    char name[CHAT_NAME_MAX + 1];
    struct list members;
};

struct member {
    char name[CHAT_NAME_MAX + 1]; /* "": it has not said it */
    struct chat *chat;
    whorl_stream *stream;
    whorl_group reading; /* round the taking of its lines: to end that, it is cancelled */
    struct list rooms;
    whorl_queue lines; /* what it has yet to get: strings, to be freed */
    size_t behind;     /* bytes in `lines` */
    bool is_writing;   /* while its writer waits: the kernel takes no more for it */
    int64_t line_due;  /* when the lines that it has sent so far would have come at chat->rate */
    char ending[80];   /* why it must go; "": it need not */
};

/* --- member.c --- */

/* A connection's handler, of a struct chat *. */
intptr_t member_serve(whorl_stream *stream, void *arg);

/* Tells the member something. Does not wait: one that is too far behind, or for which there is no
 * memory, is ended. */
void member_tell(struct member *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void member_vtell(struct member *self, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* Has the member leave soon, for a reason that it is told; the first one stays. Does not wait. */
void member_end(struct member *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- room.c --- */

/* False: no memory. */
bool list_add(struct list *self, void *item);

/* Takes an item out, if it is there. */
void list_remove(struct list *self, const void *item);

/* Takes the member out of the room, and tells the others; the last one takes the room away. */
void room_leave(struct room *room, struct member *member);

/* Does what a member's line asks for. False: it wants to quit. */
bool room_command(struct member *self, const char *line, size_t len);

/* --- discovery.c --- */

/* Opens chat->udp, and says where. 0, or -errno. */
int discovery_open(struct chat *chat);

/* Tasks' functions, of a struct chat *. The one answers who asks, until a cancel or a failure; the
 * other asks, and prints each answer: how many, or -1, and why was told. */
intptr_t discovery_run(void *arg);
intptr_t discovery_ask(void *arg);

#endif
