/* What members may ask for, and the rooms that they are in. Each command is answered by a line that
 * begins with "ok:" or "error:", but "say", which is answered by what all of the room get. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../service/service.h"
#include "chat.h"

/* That one member may be in. */
enum { ROOMS_EACH = 10 };

static const char no_memory[] = "the server has no memory left: try again later";

bool list_add(struct list *self, void *item)
{
    void **items = realloc(self->items, (self->count + 1) * sizeof *items);
    if (!items)
        return false;
    self->items = items;
    items[self->count++] = item;
    return true;
}

void list_remove(struct list *self, const void *item)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->items[i] == item)
            self->items[i] = self->items[--self->count];
    if (self->count == 0) {
        free(self->items);
        self->items = NULL;
    }
}

static void *find(const struct list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], name) == 0)
            return list->items[i];
    return NULL;
}

__attribute__((format(printf, 2, 3))) static void tell_all(const struct room *room,
                                                           const char *format, ...)
{
    for (size_t i = 0; i < room->members.count; i++) {
        va_list arguments;
        va_start(arguments, format);
        member_vtell(room->members.items[i], format, arguments);
        va_end(arguments);
    }
}

/* False: nobody is left, and the room is gone. */
static bool take_out(struct room *room, struct member *member)
{
    list_remove(&member->rooms, room);
    list_remove(&room->members, member);
    if (room->members.count > 0)
        return true;
    list_remove(&member->chat->rooms, room);
    free(room);
    return false;
}

void room_leave(struct room *room, struct member *member)
{
    if (take_out(room, member))
        tell_all(room, "%s %s leaves\n", room->name, member->name);
}

/* --- Commands: each does it and answers, or gives a sentence that says why it cannot. --- */

static const char *nick(struct member *self, const struct chat_command *command)
{
    char old[sizeof self->name];
    const struct member *other = find(&self->chat->members, command->name);
    if (other && other != self)
        return "somebody has that name already: choose another";
    memcpy(old, self->name, sizeof old);
    memcpy(self->name, command->name, sizeof self->name);
    for (size_t i = 0; i < self->rooms.count && !other; i++)
        tell_all(self->rooms.items[i], "%s %s is now %s\n", (char *)self->rooms.items[i], old,
                 self->name);
    member_tell(self, "ok: you are %s\n", self->name);
    return NULL;
}

static const char *join(struct member *self, const struct chat_command *command)
{
    struct chat *chat = self->chat;
    struct room *room = find(&chat->rooms, command->name);
    if (!self->name[0])
        return "say who you are first: nick NAME";
    if (find(&self->rooms, command->name))
        return "you are in that room already";
    if (self->rooms.count == ROOMS_EACH)
        return "you are in as many rooms as one may be: leave another first";
    if (!room && chat->rooms.count == chat->rooms_max)
        return "there are as many rooms as there may be: join one of them";
    bool is_new = !room;
    if (is_new && (room = calloc(1, sizeof *room)))
        memcpy(room->name, command->name, sizeof room->name);
    if (!room)
        return no_memory;
    if ((is_new && !list_add(&chat->rooms, room)) || !list_add(&room->members, self) ||
        !list_add(&self->rooms, room)) {
        take_out(room, self);
        return no_memory;
    }
    tell_all(room, "%s %s joins\n", room->name, self->name);
    member_tell(self, "ok: you are in %s\n", room->name);
    return NULL;
}

static const char *leave(struct member *self, const struct chat_command *command)
{
    struct room *room = find(&self->rooms, command->name);
    if (!room)
        return "you are not in that room";
    room_leave(room, self);
    member_tell(self, "ok: you left %s\n", command->name);
    return NULL;
}

static const char *say(struct member *self, const struct chat_command *command)
{
    const struct room *room = find(&self->rooms, command->name);
    if (!room)
        return "you are not in that room: join it first";
    tell_all(room, "%s %s: %.*s\n", room->name, self->name, (int)command->text_len, command->text);
    return NULL;
}

/* Names in one line, those of rooms with how many are in each. */
static const char *answer_list(struct member *self, const struct list *list, const char *what,
                               const char *name)
{
    char *names = NULL;
    size_t len;
    FILE *out = open_memstream(&names, &len);
    for (size_t i = 0; out && i < list->count; i++) {
        fprintf(out, " %s", (char *)list->items[i]);
        if (list == &self->chat->rooms)
            fprintf(out, " (%zu)", ((struct room *)list->items[i])->members.count);
    }
    bool is_whole = out && service_end_text(out, &names);
    if (is_whole)
        member_tell(self, "ok: %zu %s%s:%s\n", list->count, what, name, names);
    free(names);
    return is_whole ? NULL : no_memory;
}

static const char *who(struct member *self, const struct chat_command *command)
{
    const struct room *room = find(&self->chat->rooms, command->name);
    return room ? answer_list(self, &room->members, "in ", room->name) : "nobody is in that room";
}

static const char *rooms(struct member *self, const struct chat_command *command)
{
    (void)command;
    return answer_list(self, &self->chat->rooms, "rooms", "");
}

static const char *help(struct member *self, const struct chat_command *command)
{
    (void)command;
    member_tell(self, "ok: the commands are\n"
                      "  nick NAME      say who you are, or that you are called otherwise now\n"
                      "  join ROOM      join a room; the first one makes it\n"
                      "  leave ROOM     leave it\n"
                      "  say ROOM TEXT  tell all of a room, yourself included\n"
                      "  who ROOM       who is in it\n"
                      "  rooms          which rooms there are, and how many are in each\n"
                      "  help           this\n"
                      "  quit           leave everything, and be disconnected\n");
    return NULL;
}

bool room_command(struct member *self, const char *line, size_t len)
{
    static const char *(*const commands[])(struct member *, const struct chat_command *) = {
        [CHAT_NICK] = nick, [CHAT_JOIN] = join,   [CHAT_LEAVE] = leave, [CHAT_SAY] = say,
        [CHAT_WHO] = who,   [CHAT_ROOMS] = rooms, [CHAT_HELP] = help,
    };
    struct chat_command command;
    const char *wrong = chat_parse(line, len, &command);
    if (!wrong && command.verb == CHAT_QUIT)
        return false;
    if (!wrong && command.verb != CHAT_NOTHING)
        wrong = commands[command.verb](self, &command);
    if (wrong)
        member_tell(self, "error: %s\n", wrong);
    return true;
}
