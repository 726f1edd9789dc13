/* See text.h. */
#include "text.h"

size_t text_utf8_length(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t length = at[0] < 0x80                    ? 1
                    : at[0] >= 0xC2 && at[0] < 0xE0 ? 2
                    : at[0] >= 0xE0 && at[0] < 0xF0 ? 3
                    : at[0] >= 0xF0 && at[0] < 0xF5 ? 4
                                                    : 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    bool is_overlong = (at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xF0 && at[1] < 0x90);
    bool is_outside = (at[0] == 0xED && at[1] > 0x9F) || (at[0] == 0xF4 && at[1] > 0x8F);
    return is_overlong || is_outside ? 0 : length;
}

bool text_is_plain(const char *at, size_t length)
{
    unsigned char first = (unsigned char)at[0];
    if (length == 1)
        return first >= 0x20 && first != 0x7F;
    return length > 1 && !(first == 0xC2 && (unsigned char)at[1] < 0xA0);
}

void text_put_json(FILE *out, const char *text)
{
    fputc('"', out);
    while (*text != '\0') {
        size_t length = text_utf8_length(text);
        unsigned char first = (unsigned char)*text;
        if (length == 0)
            fputs("\\ufffd", out);
        else if (first == '"' || first == '\\')
            fprintf(out, "\\%c", first);
        else if (first < 0x20 || first == 0x7F)
            fprintf(out, "\\u%04x", first);
        else
            fwrite(text, 1, length, out);
        text += length == 0 ? 1 : length;
    }
    fputc('"', out);
}

void text_put_plain(FILE *out, const char *text)
{
    while (*text != '\0') {
        size_t length = text_utf8_length(text);
        if (text_is_plain(text, length))
            fwrite(text, 1, length, out);
        else
            fputc('?', out);
        text += length == 0 ? 1 : length;
    }
}
