/* Rooms: see chat.h. */
#include <stdlib.h>
#include <string.h>

#include "chat.h"

struct room *room_find(const struct chat *chat, const char *name)
{
    for (size_t i = 0; i < chat->room_count; i++)
        if (strcmp(chat->rooms[i]->name, name) == 0)
            return chat->rooms[i];
    return NULL;
}

static size_t place_of(const struct room *room, const struct member *member)
{
    size_t i = 0;
    while (i < room->count && room->members[i] != member)
        i++;
    return i;
}

bool room_has(const struct room *room, const struct member *member)
{
    return place_of(room, member) < room->count;
}

static struct room *make_room(struct chat *chat, const char *name)
{
    struct room *room = calloc(1, sizeof *room);
    if (!room)
        return NULL;
    memcpy(room->name, name, strlen(name) + 1);
    chat->rooms[chat->room_count++] = room;
    return room;
}

static void remove_room(struct chat *chat, struct room *room)
{
    size_t i = 0;
    while (chat->rooms[i] != room)
        i++;
    chat->rooms[i] = chat->rooms[--chat->room_count];
    free(room->members);
    free(room);
}

static bool has_space(struct room *room)
{
    if (room->count < room->space)
        return true;
    size_t space = room->space ? 2 * room->space : 8;
    struct member **members = realloc(room->members, space * sizeof *members);
    if (!members)
        return false;
    room->members = members;
    room->space = space;
    return true;
}

const char *room_join(struct chat *chat, const char *name, struct member *member)
{
    struct room *room = room_find(chat, name);
    if (room && room_has(room, member))
        return "you are in that room already";
    if (member->room_count == CHAT_ROOMS_EACH)
        return "you are in as many rooms as one may be: leave another first";
    if (!room && chat->room_count == chat->rooms_max)
        return "there are as many rooms as there may be: join one of them";
    if (!room)
        room = make_room(chat, name);
    if (!room)
        return "the server has no memory left: try again later";
    if (!has_space(room)) {
        if (room->count == 0)
            remove_room(chat, room);
        return "the server has no memory left: try again later";
    }
    room->members[room->count++] = member;
    member->rooms[member->room_count++] = room;
    room_send(room, text_make("%s %s joins\n", room->name, member->name));
    return NULL;
}

void room_leave(struct chat *chat, struct room *room, struct member *member)
{
    size_t i = 0;
    while (member->rooms[i] != room)
        i++;
    member->rooms[i] = member->rooms[--member->room_count];
    room->members[place_of(room, member)] = room->members[room->count - 1];
    room->count--;
    if (room->count == 0)
        remove_room(chat, room);
    else
        room_send(room, text_make("%s %s leaves\n", room->name, member->name));
}

void room_send(struct room *room, struct text *text)
{
    for (size_t i = 0; i < room->count; i++)
        member_send(room->members[i], text);
    text_release(text);
}
