/* See line.h. */
#include "line.h"

#include <string.h>
#include <strings.h>

static const struct verb {
    const char *word;
    enum chat_verb verb;
    bool has_name;
    bool has_text;
    const char *usage; /* what is told where a part is missing or too much */
} verbs[] = {
    {"nick", CHAT_NICK, true, false, "write it as: nick NAME"},
    {"join", CHAT_JOIN, true, false, "write it as: join ROOM"},
    {"leave", CHAT_LEAVE, true, false, "write it as: leave ROOM"},
    {"say", CHAT_SAY, true, true, "write it as: say ROOM TEXT"},
    {"who", CHAT_WHO, true, false, "write it as: who ROOM"},
    {"rooms", CHAT_ROOMS, false, false, "write it as: rooms"},
    {"help", CHAT_HELP, false, false, "write it as: help"},
    {"quit", CHAT_QUIT, false, false, "write it as: quit"},
};

/* A stretch of memory that is being read from its front. */
struct span {
    const char *at;
    size_t len;
};

static void skip_spaces(struct span *span)
{
    while (span->len > 0 && *span->at == ' ') {
        span->at++;
        span->len--;
    }
}

/* The next word, up to a space or the end; empty if there is none. */
static struct span next_word(struct span *span)
{
    skip_spaces(span);
    struct span word = {span->at, 0};
    while (word.len < span->len && word.at[word.len] != ' ')
        word.len++;
    span->at += word.len;
    span->len -= word.len;
    return word;
}

/* Length of the UTF-8 sequence at the front; 0 if there is none. */
static size_t sequence_length(const struct span *span)
{
    const unsigned char *at = (const unsigned char *)span->at;
    size_t length = at[0] < 0x80                    ? 1
                    : at[0] >= 0xC2 && at[0] < 0xE0 ? 2
                    : at[0] >= 0xE0 && at[0] < 0xF0 ? 3
                    : at[0] >= 0xF0 && at[0] < 0xF5 ? 4
                                                    : 0;
    if (length > span->len)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    bool is_overlong = (at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xF0 && at[1] < 0x90);
    bool is_outside = (at[0] == 0xED && at[1] > 0x9F) || (at[0] == 0xF4 && at[1] > 0x8F);
    return is_overlong || is_outside ? 0 : length;
}

bool chat_is_plain(const char *text, size_t len)
{
    struct span span = {text, len};
    while (span.len > 0) {
        size_t length = sequence_length(&span);
        if (length == 0)
            return false;
        unsigned char first = (unsigned char)span.at[0];
        bool is_control = length == 1 ? first < 0x20 || first == 0x7F
                                      : first == 0xC2 && (unsigned char)span.at[1] < 0xA0;
        if (is_control)
            return false;
        span.at += length;
        span.len -= length;
    }
    return true;
}

bool chat_is_name(const char *text, size_t len)
{
    if (len == 0 || len > CHAT_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        char at = text[i];
        bool is_letter = (at >= 'a' && at <= 'z') || (at >= 'A' && at <= 'Z');
        bool is_other = (at >= '0' && at <= '9') || at == '-' || at == '_' || at == '.';
        if (!is_letter && !is_other)
            return false;
    }
    return true;
}

static const struct verb *find_verb(struct span word)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (word.len == strlen(verbs[i].word) && strncasecmp(word.at, verbs[i].word, word.len) == 0)
            return &verbs[i];
    return NULL;
}

const char *chat_parse(const char *line, size_t len, struct chat_command *command)
{
    if (len > 0 && line[len - 1] == '\r')
        len--;
    if (!chat_is_plain(line, len))
        return "a line is UTF-8 without control characters";
    struct span rest = {line, len};
    struct span word = next_word(&rest);
    *command = (struct chat_command){.verb = CHAT_NOTHING};
    if (word.len == 0)
        return NULL;
    const struct verb *verb = find_verb(word);
    if (!verb)
        return "there is no such command; \"help\" lists them";
    command->verb = verb->verb;
    struct span name = {0};
    if (verb->has_name)
        name = next_word(&rest);
    skip_spaces(&rest);
    if ((verb->has_name && name.len == 0) || (verb->has_text != (rest.len > 0)))
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

/* Takes the next line off, without its newline; false where no newline is left. */
static bool next_line(struct span *span, struct span *line)
{
    const char *end = span->len > 0 ? memchr(span->at, '\n', span->len) : NULL;
    if (!end)
        return false;
    *line = (struct span){span->at, (size_t)(end - span->at)};
    span->len -= line->len + 1;
    span->at = end + 1;
    return true;
}

/* The number that is all of `word`, at most `most`; false if it is none. */
static bool number(struct span word, unsigned most, unsigned *value)
{
    unsigned long sum = 0;
    for (size_t i = 0; i < word.len; i++) {
        if (word.at[i] < '0' || word.at[i] > '9')
            return false;
        sum = sum * 10 + (unsigned long)(word.at[i] - '0');
        if (sum > most)
            return false;
    }
    *value = (unsigned)sum;
    return word.len > 0;
}

bool chat_parse_answer(const char *datagram, size_t len, struct chat_answer *answer)
{
    struct span rest = {datagram, len}, line;
    if (!next_line(&rest, &line))
        return false;
    struct span word = next_word(&line);
    if (word.len != 4 || memcmp(word.at, "chat", 4) != 0)
        return false;
    word = next_word(&line);
    answer->rest = rest.at;
    answer->len = rest.len;
    return line.len == 0 && number(word, 65535, &answer->port) && answer->port > 0;
}

bool chat_next_room(struct chat_answer *answer, char name[CHAT_NAME_MAX + 1], unsigned *members)
{
    struct span rest = {answer->rest, answer->len}, line;
    if (!next_line(&rest, &line))
        return false;
    struct span word = next_word(&line);
    if (!chat_is_name(word.at, word.len))
        return false;
    memcpy(name, word.at, word.len);
    name[word.len] = '\0';
    word = next_word(&line);
    answer->rest = rest.at;
    answer->len = rest.len;
    return line.len == 0 && number(word, 1000000000, members);
}
