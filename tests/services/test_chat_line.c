/* What the chat's parser makes of lines and datagrams, each in memory that ends where they do, so
 * that a sanitizer sees a read beyond. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "../../examples/chat/line.h"

/* A copy without a zero byte behind it; to be freed with free(3). */
static char *exact(const char *bytes, size_t len)
{
    char *copy = malloc(len);
    assert_true(copy || len == 0);
    if (len > 0)
        memcpy(copy, bytes, len);
    return copy;
}

static void expect_command(const char *line, enum chat_verb verb, const char *name,
                           const char *text)
{
    struct chat_command command;
    size_t len = strlen(line);
    char *copy = exact(line, len);
    assert_null(chat_parse(copy, len, &command));
    assert_int_equal(command.verb, verb);
    assert_string_equal(command.name, name);
    assert_int_equal(command.text_len, text ? strlen(text) : 0);
    if (text)
        assert_memory_equal(command.text, text, command.text_len);
    free(copy);
}

static void commands_are_told_apart(void **state)
{
    (void)state;
    expect_command("", CHAT_NOTHING, "", NULL);
    expect_command(" \r", CHAT_NOTHING, "", NULL);
    expect_command("nick ann", CHAT_NICK, "ann", NULL);
    expect_command("  JOIN   kitchen  \r", CHAT_JOIN, "kitchen", NULL);
    expect_command("leave k", CHAT_LEAVE, "k", NULL);
    expect_command("say k  a  b ", CHAT_SAY, "k", "a  b ");
    expect_command("who k", CHAT_WHO, "k", NULL);
    expect_command("rooms", CHAT_ROOMS, "", NULL);
    expect_command("help", CHAT_HELP, "", NULL);
    expect_command("quit", CHAT_QUIT, "", NULL);
    expect_command("join 12345678901234567890123456789012", CHAT_JOIN,
                   "12345678901234567890123456789012", NULL);
}

/* Every cut of a good line is read within its bounds, whatever comes of it. */
static void cut_lines_are_read_within_their_bounds(void **state)
{
    static const char line[] = "say kitchen Gr\xc3\xbc\xc3\x9f"
                               "e \xe2\x82\xac \xf0\x9f\x8e\x89";
    (void)state;
    for (size_t len = 0; len < sizeof line; len++) {
        struct chat_command command;
        char *copy = exact(line, len);
        bool ends_within = len > 0 && !chat_is_plain(copy, len);
        const char *wrong = chat_parse(copy, len, &command);
        assert_true(!ends_within || wrong);
        free(copy);
    }
}

static bool is_answer(const char *datagram, struct chat_answer *answer)
{
    return chat_parse_answer(datagram, strlen(datagram), answer);
}

static void answers_are_read_room_by_room(void **state)
{
    struct chat_answer answer;
    char name[CHAT_NAME_MAX + 1];
    unsigned members;
    (void)state;
    assert_true(is_answer("chat 7777\nkitchen 2\nhall 1\nhal", &answer));
    assert_int_equal(answer.port, 7777);
    assert_true(chat_next_room(&answer, name, &members));
    assert_string_equal(name, "kitchen");
    assert_int_equal(members, 2);
    assert_true(chat_next_room(&answer, name, &members));
    assert_string_equal(name, "hall");
    assert_false(chat_next_room(&answer, name, &members));
}

static void what_is_no_answer_is_refused(void **state)
{
    static const char *const bad[] = {
        "",           "chat",         "chat 1",      "chat\n",
        "chat 0\n",   "chat 65536\n", "chat 1 2\n",  "chat 1x\n",
        "chat -1\n",  "tea 1\n",      "chatter 1\n", "chat 99999999999999999999\n",
        "\nchat 1\n",
    };
    static const char *const bad_rooms[] = {
        "\n",
        "kitchen\n",
        "kitchen 1",
        "kitchen x\n",
        "kitchen 1 2\n",
        "k\x1b 1\n",
        "kitchen 99999999999\n",
        "123456789012345678901234567890123 1\n",
    };
    struct chat_answer answer;
    char name[CHAT_NAME_MAX + 1];
    unsigned members;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(is_answer(bad[i], &answer));
    for (size_t i = 0; i < sizeof bad_rooms / sizeof *bad_rooms; i++) {
        answer = (struct chat_answer){1, bad_rooms[i], strlen(bad_rooms[i])};
        assert_false(chat_next_room(&answer, name, &members));
    }
}

static void questions_begin_as_they_must(void **state)
{
    (void)state;
    assert_true(chat_is_question(CHAT_QUESTION, strlen(CHAT_QUESTION)));
    assert_true(chat_is_question(CHAT_QUESTION "   ", strlen(CHAT_QUESTION) + 3));
    assert_false(chat_is_question(CHAT_QUESTION, strlen(CHAT_QUESTION) - 1));
    assert_false(chat_is_question("who serves tea??", strlen(CHAT_QUESTION)));
    assert_false(chat_is_question("", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(commands_are_told_apart),       behaviour(cut_lines_are_read_within_their_bounds),
        behaviour(answers_are_read_room_by_room), behaviour(what_is_no_answer_is_refused),
        behaviour(questions_begin_as_they_must),
    };
    return run_behaviours("chat lines", tests);
}
