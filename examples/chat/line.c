/* See line.h. */
#include "line.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct verb {
    const char *word;
    bool has_name;
    bool has_text;
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
    const char *at;
    size_t len;
};

static struct span take(struct span *span, size_t len)
{
    struct span taken = {span->at, len};
    span->at += len;
    span->len -= len;
    return taken;
}

static void skip_spaces(struct span *span)
{
    while (span->len > 0 && *span->at == ' ')
        take(span, 1);
}

/* The next word, up to a space or the end; empty if there is none. */
static struct span next_word(struct span *span)
{
    size_t len = 0;
    skip_spaces(span);
    while (len < span->len && span->at[len] != ' ')
        len++;
    return take(span, len);
}

/* The next code point, in the one way in which UTF-8 writes it; -1: it is none. */
static int32_t next_point(struct span *span)
{
    static const int32_t least[] = {0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)*span->at;
    size_t more = first < 0xC0 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
    if (more >= span->len || (more == 0 && first >= 0x80) || first >= 0xF8)
        return -1;
    int32_t point = more == 0 ? first : first & (0x3F >> more);
    for (size_t i = 1; i <= more; i++) {
        if ((span->at[i] & 0xC0) != 0x80)
            return -1;
        point = point << 6 | (span->at[i] & 0x3F);
    }
    take(span, 1 + more);
    bool is_surrogate = point >= 0xD800 && point < 0xE000;
    return point < least[more] || point > 0x10FFFF || is_surrogate ? -1 : point;
}

bool chat_is_plain(const char *text, size_t len)
{
    struct span span = {text, len};
    while (span.len > 0) {
        int32_t point = next_point(&span);
        if (point < 0x20 || (point >= 0x7F && point < 0xA0))
            return false;
    }
    return true;
}

bool chat_is_name(const char *text, size_t len)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_.";
    for (size_t i = 0; i < len; i++)
        if (!memchr(letters, text[i], sizeof letters - 1))
            return false;
    return len > 0 && len <= CHAT_NAME_MAX;
}

static enum chat_verb find_verb(struct span word)
{
    for (size_t i = CHAT_NICK; i < sizeof verbs / sizeof *verbs; i++)
        if (word.len == strlen(verbs[i].word) && strncasecmp(word.at, verbs[i].word, word.len) == 0)
            return (enum chat_verb)i;
    return CHAT_NOTHING;
}

const char *chat_parse(const char *line, size_t len, struct chat_command *command)
{
    if (len > 0 && line[len - 1] == '\r')
        len--;
    if (!chat_is_plain(line, len))
        return "a line is UTF-8 without control characters";
    struct span rest = {line, len};
    struct span word = next_word(&rest), name = {0};
    *command = (struct chat_command){.verb = find_verb(word)};
    if (command->verb == CHAT_NOTHING)
        return word.len == 0 ? NULL : "there is no such command; \"help\" lists them";
    const struct verb *verb = &verbs[command->verb];
    if (verb->has_name)
        name = next_word(&rest);
    skip_spaces(&rest);
    if ((verb->has_name && name.len == 0) || verb->has_text != (rest.len > 0))
        return verb->usage;
    if (verb->has_name && !chat_is_name(name.at, name.len))
        return "a name is 1 to 32 letters, digits, \"-\", \"_\" and \".\"";
    if (verb->has_name)
        memcpy(command->name, name.at, name.len);
    if (verb->has_text) {
        command->text = rest.at;
        command->text_len = rest.len;
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

/* The newline ends the number too, for strtoul. */
bool chat_next_room(struct chat_answer *answer, char name[CHAT_NAME_MAX + 1], unsigned *members)
{
    const char *end = answer->len > 0 ? memchr(answer->rest, '\n', answer->len) : NULL;
    if (!end)
        return false;
    struct span rest = {answer->rest, answer->len};
    struct span line = take(&rest, (size_t)(end - rest.at));
    struct span word = next_word(&line), number = next_word(&line);
    if (!chat_is_name(word.at, word.len) || number.len == 0 || !isdigit((unsigned char)*number.at))
        return false;
    char *number_end;
    unsigned long value = strtoul(number.at, &number_end, 10);
    if (number_end != end || value > 1000000000)
        return false;
    memcpy(name, word.at, word.len);
    name[word.len] = '\0';
    *members = (unsigned)value;
    answer->rest = end + 1;
    answer->len = rest.len - 1;
    return true;
}
