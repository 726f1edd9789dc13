/* See line.h. */
#include "line.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct verb {
    const char *word;
    bool has_name, has_text;
    const char *usage; /* what is told where a part is missing or too much */
} verbs[] = {
    [CHAT_NICK] = {"nick", true, false, "write it as: nick NAME"},
    [CHAT_JOIN] = {"join", true, false, "write it as: join ROOM"},
    [CHAT_LEAVE] = {"leave", true, false, "write it as: leave ROOM"},
    [CHAT_SAY] = {"say", true, true, "write it as: say ROOM TEXT"},
    [CHAT_WHO] = {"who", true, false, "write it as: who ROOM"},
    [CHAT_ROOMS] = {"rooms", false, false, "write it as: rooms"},
    [CHAT_HELP] = {"help", false, false, "write it as: help"},
    [CHAT_QUIT] = {"quit", false, false, "write it as: quit"},
};

/* A stretch of memory that is being read from its front. */
struct span {
    const char *at, *end;
};

static void skip_spaces(struct span *span)
{
    while (span->at < span->end && *span->at == ' ')
        span->at++;
}

/* The next word, up to a space or the end; empty if there is none. */
static struct span next_word(struct span *span)
{
    skip_spaces(span);
    struct span word = *span;
    while (span->at < span->end && *span->at != ' ')
        span->at++;
    word.end = span->at;
    return word;
}

/* The next code point, in the one way in which UTF-8 writes it; -1: it is none. */
static int32_t next_point(struct span *span)
{
    static const int32_t least[] = {0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)*span->at++;
    int more = first < 0xC0 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
    if (more > span->end - span->at || (more == 0 && first >= 0x80) || first >= 0xF8)
        return -1;
    int32_t point = more == 0 ? first : first & (0x3F >> more);
    for (int i = 0; i < more; i++, span->at++) {
        if ((*span->at & 0xC0) != 0x80)
            return -1;
        point = point << 6 | (*span->at & 0x3F);
    }
    bool is_surrogate = point >= 0xD800 && point < 0xE000;
    return point < least[more] || point > 0x10FFFF || is_surrogate ? -1 : point;
}

bool chat_is_plain(const char *text, size_t len)
{
    struct span span = {text, text + len};
    while (span.at < span.end) {
        int32_t point = next_point(&span);
        if (point < 0x20 || (point >= 0x7F && point < 0xA0))
            return false;
    }
    return true;
}

bool chat_is_name(const char *text, size_t len)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    for (size_t i = 0; i < len; i++)
        if (!memchr(letters, text[i], sizeof letters - 1))
            return false;
    return len > 0 && len <= CHAT_NAME_MAX;
}

static enum chat_verb find_verb(struct span word)
{
    size_t len = (size_t)(word.end - word.at);
    enum chat_verb verb = CHAT_QUIT;
    while (verb > CHAT_NOTHING &&
           (len != strlen(verbs[verb].word) || strncasecmp(word.at, verbs[verb].word, len) != 0))
        verb--;
    return verb;
}

const char *chat_parse(const char *line, size_t len, struct chat_command *command)
{
    if (len > 0 && line[len - 1] == '\r')
        len--;
    if (!chat_is_plain(line, len))
        return "a line is UTF-8 without control characters";
    struct span rest = {line, line + len}, word = next_word(&rest), name = {0};
    *command = (struct chat_command){.verb = find_verb(word)};
    if (command->verb == CHAT_NOTHING)
        return word.at == word.end ? NULL : "there is no such command; \"help\" lists them";
    const struct verb *verb = &verbs[command->verb];
    if (verb->has_name)
        name = next_word(&rest);
    skip_spaces(&rest);
    size_t name_len = (size_t)(name.end - name.at);
    if (verb->has_name != (name_len > 0) || verb->has_text != (rest.at < rest.end))
        return verb->usage;
    if (verb->has_name && !chat_is_name(name.at, name_len))
        return "a name is 1 to 32 letters, digits, \"-\", \"_\" and \".\"";
    if (verb->has_name)
        memcpy(command->name, name.at, name_len);
    if (verb->has_text) {
        command->text = rest.at;
        command->text_len = (size_t)(rest.end - rest.at);
    }
    return NULL;
}

bool chat_is_question(const char *datagram, size_t len)
{
    size_t least = strlen(CHAT_QUESTION);
    return len >= least && memcmp(datagram, CHAT_QUESTION, least) == 0;
}

bool chat_parse_answer(const char *datagram, size_t len, struct chat_answer *answer)
{
    char name[CHAT_NAME_MAX + 1];
    *answer = (struct chat_answer){0, datagram, len};
    return chat_next_room(answer, name, &answer->port) && strcmp(name, "chat") == 0 &&
           answer->port > 0 && answer->port <= 65535;
}

/* What it means is right if it is written so, and not otherwise. */
bool chat_next_room(struct chat_answer *answer, char name[CHAT_NAME_MAX + 1], unsigned *members)
{
    char line[CHAT_NAME_MAX + sizeof " 4294967295"] = "", again[sizeof line];
    const char *end = answer->len > 0 ? memchr(answer->rest, '\n', answer->len) : NULL;
    size_t len = end ? (size_t)(end - answer->rest) : 0;
    if (len == 0 || len >= sizeof line)
        return false;
    memcpy(line, answer->rest, len);
    if (sscanf(line, "%32s %9u", name, members) != 2 || !chat_is_name(name, strlen(name)))
        return false;
    snprintf(again, sizeof again, "%s %u", name, *members);
    if (memcmp(line, again, len + 1) != 0)
        return false;
    answer->rest = end + 1;
    answer->len -= len + 1;
    return true;
}
