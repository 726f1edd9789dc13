/*
 * What is said on the wire, read out of memory and nothing else: the lines of members, and the
 * datagrams by which a server is found. Whatever the bytes are, no function here reads beyond them.
 */
#ifndef CHAT_LINE_H
#define CHAT_LINE_H

#include <stdbool.h>
#include <stddef.h>

/* The longest name of a member or a room, and the longest datagram, in bytes. */
enum { CHAT_NAME_MAX = 32, CHAT_DATAGRAM_MAX = 1200 };

enum chat_verb {
    CHAT_NOTHING, /* an empty line */
    CHAT_NICK,    /* name */
    CHAT_JOIN,    /* name: of a room, as for the next ones */
    CHAT_LEAVE,
    CHAT_SAY, /* and text */
    CHAT_WHO,
    CHAT_ROOMS,
    CHAT_HELP,
    CHAT_QUIT,
};

struct chat_command {
    enum chat_verb verb;
    char name[CHAT_NAME_MAX + 1]; /* of a member or a room */
    const char *text;             /* within the line, and not empty; or NULL */
    size_t text_len;
};

/* Reads a line, without its newline; a carriage return at its end is no part of it. NULL, or what
 * is wrong with it, as a sentence: then *command is not to be used. */
const char *chat_parse(const char *line, size_t len, struct chat_command *command);

/* True for 1 to CHAT_NAME_MAX letters, digits, "-", "_" and ".", of ASCII. */
bool chat_is_name(const char *text, size_t len);

/* True for UTF-8 (RFC 3629) without control characters: those of ASCII, and U+0080 to U+009F. */
bool chat_is_plain(const char *text, size_t len);

/* The question of one who looks for a server, at the start of a datagram. What follows is padding:
 * no answer is longer than its question, so that nobody can be flooded by way of a server. */
#define CHAT_QUESTION "who serves chat?"

bool chat_is_question(const char *datagram, size_t len);

/* An answer: "chat PORT", and "ROOM MEMBERS" for as many rooms as it has room for, each with a
 * newline. */
struct chat_answer {
    unsigned port;
    const char *rest; /* within the datagram: the rooms that have not been read */
    size_t len;
};

/* Reads the beginning of an answer; false if it is none. */
bool chat_parse_answer(const char *datagram, size_t len, struct chat_answer *answer);

/* Reads the next room of an answer; false if there is none, or nothing that looks like one. */
bool chat_next_room(struct chat_answer *answer, char name[CHAT_NAME_MAX + 1], unsigned *members);

#endif
