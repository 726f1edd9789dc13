/* What members may ask for. Each command is answered by a line that begins with "ok:" or "error:",
 * but "say", which is answered by what all of the room get. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat.h"

const char command_help[] =
    "  nick NAME      say who you are, or that you are called otherwise now\n"
    "  join ROOM      join a room; the first one makes it\n"
    "  leave ROOM     leave it\n"
    "  say ROOM TEXT  tell all of a room, yourself included\n"
    "  who ROOM       who is in it\n"
    "  rooms          which rooms there are, and how many are in each\n"
    "  help           this\n"
    "  quit           leave everything, and be disconnected\n";

/* NULL is fine: it went well. */
static void answer(struct member *self, const char *why_not, const char *done, const char *name)
{
    if (why_not)
        member_answer(self, text_make("error: %s\n", why_not));
    else
        member_answer(self, text_make("ok: %s %s\n", done, name));
}

static const char *take_nick(struct member *self, const char *name)
{
    char old[CHAT_NAME_MAX + 1];
    if (member_find(self->chat, name))
        return "somebody has that name already: choose another";
    memcpy(old, self->name, sizeof old);
    memcpy(self->name, name, strlen(name) + 1);
    for (size_t i = 0; i < self->room_count; i++)
        room_send(self->rooms[i],
                  text_make("%s %s is now %s\n", self->rooms[i]->name, old, self->name));
    return NULL;
}

static struct room *own_room(const struct member *self, const char *name)
{
    for (size_t i = 0; i < self->room_count; i++)
        if (strcmp(self->rooms[i]->name, name) == 0)
            return self->rooms[i];
    return NULL;
}

static const char *leave(struct member *self, const char *name)
{
    struct room *room = own_room(self, name);
    if (!room)
        return "you are not in that room";
    room_leave(self->chat, room, self);
    return NULL;
}

static void say(struct member *self, const struct chat_command *command)
{
    struct room *room = own_room(self, command->name);
    if (!room)
        answer(self, "you are not in that room: join it first", NULL, NULL);
    else
        room_send(room, text_make("%s %s: %.*s\n", room->name, self->name, (int)command->text_len,
                                  command->text));
}

/* A list in one line: printed into memory, then sent. */
static void answer_list(struct member *self, void (*print)(FILE *, const void *), const void *of)
{
    char *line = NULL;
    size_t len;
    FILE *out = open_memstream(&line, &len);
    if (out)
        print(out, of);
    int is_whole = out && fclose(out) == 0;
    member_answer(self, is_whole ? text_make("ok: %s\n", line) : NULL);
    free(line);
}

static void print_members(FILE *out, const void *of)
{
    const struct room *room = of;
    fprintf(out, "%zu in %s:", room->count, room->name);
    for (size_t i = 0; i < room->count; i++)
        fprintf(out, " %s", room->members[i]->name);
}

static void print_rooms(FILE *out, const void *of)
{
    const struct chat *chat = of;
    fprintf(out, "%zu rooms:", chat->room_count);
    for (size_t i = 0; i < chat->room_count; i++)
        fprintf(out, " %s (%zu)", chat->rooms[i]->name, chat->rooms[i]->count);
}

static void who(struct member *self, const char *name)
{
    const struct room *room = room_find(self->chat, name);
    if (room)
        answer_list(self, print_members, room);
    else
        answer(self, "nobody is in that room", NULL, NULL);
}

static void run_named(struct member *self, const struct chat_command *command)
{
    const char *name = command->name;
    switch (command->verb) {
    case CHAT_JOIN:
        answer(self, room_join(self->chat, name, self), "you are in", name);
        break;
    case CHAT_LEAVE:
        answer(self, leave(self, name), "you left", name);
        break;
    case CHAT_SAY:
        say(self, command);
        break;
    default:
        answer(self, take_nick(self, name), "you are", name);
        break;
    }
}

bool command_run(struct member *self, const char *line, size_t len)
{
    struct chat_command command;
    const char *wrong = chat_parse(line, len, &command);
    bool needs_name = !wrong && (command.verb == CHAT_JOIN || command.verb == CHAT_LEAVE ||
                                 command.verb == CHAT_SAY);
    if (needs_name && !self->name[0])
        wrong = "say who you are first: nick NAME";
    if (wrong)
        answer(self, wrong, NULL, NULL);
    else if (command.verb == CHAT_WHO)
        who(self, command.name);
    else if (command.verb == CHAT_ROOMS)
        answer_list(self, print_rooms, self->chat);
    else if (command.verb == CHAT_HELP)
        member_answer(self, text_make("ok: the commands are\n%s", command_help));
    else if (command.verb != CHAT_NOTHING && command.verb != CHAT_QUIT)
        run_named(self, &command);
    return wrong || command.verb != CHAT_QUIT;
}
