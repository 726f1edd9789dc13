/*
 * whorl-get's names for files, and the text that it shows.
 *
 * Input: a string, taken for the path of a URL, for a name, and for text of others.
 */
#include "fuzz/fuzz.h"

#include "names.h"
#include "text.h"

/* The length of the character at `at`, by decoding it and encoding it anew; 0: there is none. */
static size_t model_length(const char *text, uint32_t *code)
{
    const unsigned char *at = (const unsigned char *)text;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = 1;
    *code = at[0];
    if (at[0] < 0x80)
        return 1;
    if (at[0] < 0xC0 || at[0] >= 0xF8)
        return 0;
    while (at[0] & (0x80 >> length))
        length++;
    *code = at[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return 0;
        *code = *code << 6 | (at[i] & 0x3F);
    }
    bool is_good =
        *code >= least[length] && *code <= 0x10FFFF && !(*code >= 0xD800 && *code < 0xE000);
    return is_good ? length : 0;
}

static bool is_plain(uint32_t code)
{
    return code >= 0x20 && !(code >= 0x7F && code < 0xA0);
}

/* All of it characters, and none that controls a terminal. */
static void hold_plain(const char *text)
{
    uint32_t code;
    for (size_t length; *text != '\0'; text += length) {
        length = model_length(text, &code);
        hold(length > 0 && is_plain(code));
    }
}

static void check_lengths(const char *text)
{
    for (; *text != '\0'; text++) {
        uint32_t code;
        size_t length = model_length(text, &code);
        hold(text_utf8_length(text) == length);
        hold(text_is_plain(text, length) == (length > 0 && is_plain(code)));
    }
}

/* Reads one character of a JSON string; what stands for no character reads as U+FFFD. */
static uint32_t next_of_json(const char **at)
{
    static const char digits[] = "0123456789abcdef";
    uint32_t code;
    if (**at != '\\') {
        size_t length = model_length(*at, &code);
        hold(length > 0 && code >= 0x20 && code != '"');
        *at += length;
        return code;
    }
    if ((*at)[1] != 'u') {
        hold(strchr("\"\\", (*at)[1]) != NULL);
        *at += 2;
        return (uint32_t)(*at)[-1];
    }
    code = 0;
    for (int i = 2; i < 6; i++) {
        const char *digit = strchr(digits, (*at)[i]);
        hold((*at)[i] != '\0' && digit != NULL);
        code = code << 4 | (uint32_t)(digit - digits);
    }
    *at += 6;
    return code;
}

static void check_json(const char *text)
{
    char *json = NULL;
    size_t size;
    FILE *out = open_memstream(&json, &size);
    text_put_json(out, text);
    fclose(out);
    const char *at = json;
    hold(*at++ == '"');
    while (*text != '\0') {
        uint32_t code;
        size_t length = model_length(text, &code);
        hold(next_of_json(&at) == (length > 0 ? code : 0xFFFD));
        text += length > 0 ? length : 1;
    }
    hold(strcmp(at, "\"") == 0);
    free(json);
}

static void check_shown(const char *text)
{
    char *shown = NULL;
    size_t size;
    FILE *out = open_memstream(&shown, &size);
    text_put_plain(out, text);
    fclose(out);
    hold_plain(shown);
    free(shown);
}

static void check_name(const char *path)
{
    char *name = names_from_path(path);
    hold(name != NULL);
    hold(name[0] != '\0' && name[0] != '.');
    hold(strlen(name) <= NAMES_MAX);
    hold(strchr(name, '/') == NULL);
    hold_plain(name);
    hold(names_is_good(name));
    free(name);
}

static void check_verdict(const char *name)
{
    bool is_good = name[0] != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
    for (const char *at = name; *at != '\0'; at++)
        is_good = is_good && *at != '/' && *at != 0x7F && !((unsigned char)*at < 0x20);
    hold(names_is_good(name) == is_good);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input rest = {data, size};
    char *text = take_string(&rest);
    check_lengths(text);
    check_json(text);
    check_shown(text);
    check_name(text);
    check_verdict(text);
    free(text);
    return 0;
}
