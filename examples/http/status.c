/* See status.h. */
#include "status.h"

/* The most frequent first; the last stands for those that are not here. */
static const struct status statuses[] = {
    {200, "200 OK", false},
    {206, "206 Partial Content", false},
    {304, "304 Not Modified", false},
    {404, "404 Not Found", false},
    {201, "201 Created", false},
    {204, "204 No Content", false},
    {301, "301 Moved Permanently", false},
    {400, "400 Bad Request", true},
    {403, "403 Forbidden", false},
    {405, "405 Method Not Allowed", false},
    {408, "408 Request Timeout", true},
    {409, "409 Conflict", false},
    {411, "411 Length Required", true},
    {412, "412 Precondition Failed", false},
    {413, "413 Content Too Large", true},
    {414, "414 URI Too Long", true},
    {415, "415 Unsupported Media Type", true},
    {416, "416 Range Not Satisfiable", false},
    {417, "417 Expectation Failed", true},
    {431, "431 Request Header Fields Too Large", true},
    {501, "501 Not Implemented", true},
    {503, "503 Service Unavailable", false},
    {505, "505 HTTP Version Not Supported", true},
    {507, "507 Insufficient Storage", true},
    {500, "500 Internal Server Error", false},
};

const struct status *status_of(int number)
{
    const struct status *at = statuses;
    while (at->number != number && at->number != 500)
        at++;
    return at;
}
