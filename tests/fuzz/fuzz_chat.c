/*
 * What the examples chat and proxy read: the lines of members, the datagrams by which a server is
 * found, and places as the command line names them.
 *
 * Input: a byte, which says what the rest is: 0 of 3, a line; 1, a datagram; 2, a place.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fuzz/fuzz.h"

#include <errno.h>

#include "line.h"
#include "place.h"

/* Bytes with nothing behind them; to be freed. */
static char *copy_of(const input *rest)
{
    char *copy = malloc(rest->left > 0 ? rest->left : 1);
    hold(copy != NULL);
    memcpy(copy, rest->at, rest->left);
    return copy;
}

static const char *const words[] = {"",    "nick",  "join", "leave", "say",
                                    "who", "rooms", "help", "quit"};

/* Written anew, it is the same command. */
static void hold_same(const struct chat_command *command)
{
    char *line;
    struct chat_command again;
    int len = asprintf(&line, "%s %s %.*s", words[command->verb], command->name,
                       (int)command->text_len, command->text ? command->text : "");
    hold(len >= 0);
    hold(chat_parse(line, (size_t)len, &again) == NULL);
    hold(again.verb == command->verb && strcmp(again.name, command->name) == 0);
    hold(again.text_len == command->text_len && !again.text == !command->text);
    hold(!again.text || memcmp(again.text, command->text, again.text_len) == 0);
    free(line);
}

static void read_line(const input *rest)
{
    char *line = copy_of(rest);
    struct chat_command command;
    const char *wrong = chat_parse(line, rest->left, &command);
    if (!wrong) {
        bool has_name = command.verb >= CHAT_NICK && command.verb <= CHAT_WHO;
        hold(command.verb <= CHAT_QUIT);
        hold(chat_is_name(command.name, strlen(command.name)) == has_name);
        hold((command.verb == CHAT_SAY) == (command.text != NULL));
        if (command.text) {
            hold(command.text > line && command.text_len > 0);
            hold(command.text + command.text_len <= line + rest->left);
            hold(chat_is_plain(command.text, command.text_len));
        }
        hold_same(&command);
    } else {
        hold(wrong[0] != '\0' && strchr(wrong, '\n') == NULL);
    }
    free(line);
}

static void read_datagram(const input *rest)
{
    char *datagram = copy_of(rest);
    struct chat_answer answer;
    bool is_question = chat_is_question(datagram, rest->left);
    bool is_answer = chat_parse_answer(datagram, rest->left, &answer);
    hold(!is_question || !is_answer);
    if (is_answer) {
        char name[CHAT_NAME_MAX + 1];
        unsigned members;
        size_t left = answer.len;
        hold(answer.port > 0 && answer.port <= 65535);
        while (chat_next_room(&answer, name, &members)) {
            hold(chat_is_name(name, strlen(name)));
            hold(answer.len < left && answer.rest + answer.len == datagram + rest->left);
            left = answer.len;
        }
    }
    free(datagram);
}

static void read_place(input *rest)
{
    char *text = take_string(rest);
    struct place place;
    int error = place_parse(text, &place);
    hold(error == 0 || error == -EINVAL);
    if (error == 0 && !place.is_unix) {
        hold(place.service[0] != '\0' && strchr(place.service, ':') == NULL);
        hold(strlen(place.host) + strlen(place.service) < strlen(text));
        hold(strchr(place.host, ':') == NULL || text[0] == '[');
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input rest = {data, size};
    switch (take_byte(&rest) % 3) {
    case 0:
        read_line(&rest);
        break;
    case 1:
        read_datagram(&rest);
        break;
    default:
        read_place(&rest);
    }
    return 0;
}
