/* See names.h. */
#include "names.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

static bool is_control(unsigned char byte)
{
    return byte < 0x20 || byte == 0x7F;
}

static int hex_value(char digit)
{
    const char *digits = "0123456789abcdef0123456789ABCDEF";
    const char *at = digit != '\0' ? strchr(digits, digit) : NULL;
    return at != NULL ? (int)((at - digits) % 16) : -1;
}

/* In place. Bytes that may not be in a name become "_", and so do the first one's of ".hidden". */
static void decode(char *name)
{
    char *to = name;
    for (const char *from = name; *from != '\0'; from++) {
        int high = *from == '%' ? hex_value(from[1]) : -1;
        int low = high >= 0 ? hex_value(from[2]) : -1;
        unsigned char byte = (unsigned char)*from;
        if (low >= 0) {
            byte = (unsigned char)(high << 4 | low);
            from += 2;
        }
        *to++ = is_control(byte) || byte == '/' ? '_' : (char)byte;
    }
    *to = '\0';
    if (*name == '.')
        *name = '_';
}

/* In place: what is no plain UTF-8 becomes "_", and the whole is cut to NAMES_MAX bytes, between
 * characters. */
static void clean(char *name)
{
    size_t len = 0;
    while (name[len] != '\0') {
        size_t length = text_utf8_length(name + len);
        if (!text_is_plain(name + len, length)) {
            memset(name + len, '_', length > 0 ? length : 1);
            length = 1;
        }
        if (len + length > NAMES_MAX)
            break;
        len += length;
    }
    name[len] = '\0';
}

char *names_from_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *last = slash != NULL ? slash + 1 : path;
    char *name = strdup(*last != '\0' ? last : "index.html");
    if (name == NULL)
        return NULL;
    decode(name);
    clean(name);
    return name;
}

bool names_is_good(const char *name)
{
    if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    for (const char *at = name; *at != '\0'; at++)
        if (is_control((unsigned char)*at) || *at == '/')
            return false;
    return true;
}
