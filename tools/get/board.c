/* See board.h. */
#include "board.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "get.h"
#include "text.h"

#define REDRAW WHORL_MS(100)

/* How long a terminal may keep the end of the program waiting. */
#define PATIENCE WHORL_SECONDS(5)

static const char red[] = "\033[31m", plain[] = "\033[m";

static void put_lines(const struct board *self, FILE *out)
{
    if (self->len > 0)
        fwrite(self->lines, 1, self->len, out);
}

void board_tell(struct board *self, enum board_kind kind, const char *format, ...)
{
    char text[2048], *longer = NULL;
    size_t len;
    va_list arguments;
    if (self->is_quiet && kind == BOARD_NEWS)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    FILE *out = open_memstream(&longer, &len);
    if (out == NULL)
        return;
    bool is_red = kind == BOARD_FAILURE && self->has_colors;
    put_lines(self, out);
    fprintf(out, "%swhorl-get:%s ", is_red ? red : "", is_red ? plain : "");
    text_put_plain(out, text);
    fputc('\n', out);
    if (fclose(out) != 0) {
        free(longer);
        return;
    }
    free(self->lines);
    self->lines = longer;
    self->len = len;
    whorl_event_set(&self->stirred);
}

/* A terminal of unknown size is taken for one of 80 columns and 24 rows. */
static struct winsize measure(void)
{
    struct winsize size = {0};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        size = (struct winsize){.ws_col = 80, .ws_row = 24};
    return size;
}

/* The bars that stand are taken away, the lines told, and the bars of now put below. */
static void compose(struct board *self, FILE *out)
{
    if (self->standing > 0)
        fprintf(out, "\033[%dA\r\033[J", self->standing);
    put_lines(self, out);
    free(self->lines);
    self->lines = NULL;
    self->len = 0;
    self->standing = 0;
    if (!self->has_bars || self->is_ending)
        return;
    struct winsize size = measure();
    self->standing = bars_draw(&self->bars, out, self->get, size.ws_col, size.ws_row);
}

static void write_all(const char *text, size_t len)
{
    while (len > 0) {
        ssize_t put = whorl_write(STDERR_FILENO, text, len);
        if (put <= 0)
            return; /* there is nobody to tell */
        text += put;
        len -= (size_t)put;
    }
}

static void redraw(struct board *self)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return;
    compose(self, out);
    if (fclose(out) == 0 && text != NULL)
        write_all(text, len);
    free(text);
}

/* With bars, at every turn; else when there is something to write; and once more at the end. */
static intptr_t show(void *arg)
{
    struct board *self = arg;
    while (!self->is_ending && whorl_cancelling(whorl_self()) == 0) {
        if (self->has_bars) {
            whorl_timeout scope;
            whorl_timeout_begin(&scope, REDRAW);
            whorl_timeout_end(&scope, whorl_event_wait(&self->stirred));
        } else {
            whorl_event_wait(&self->stirred);
        }
        whorl_event_clear(&self->stirred);
        redraw(self);
    }
    redraw(self);
    return 0;
}

static bool is_set(const char *variable)
{
    const char *value = getenv(variable);
    return value != NULL && *value != '\0';
}

int board_begin(struct board *self, const struct get *get)
{
    const char *terminal = getenv("TERM");
    bool is_terminal =
        isatty(STDERR_FILENO) == 1 && terminal != NULL && strcmp(terminal, "dumb") != 0;
    *self = (struct board){
        .get = get,
        .is_quiet = get->options.quiet,
        .has_colors = is_terminal && !is_set("NO_COLOR"),
        .has_bars = is_terminal && !get->options.quiet && !get->options.no_progress,
    };
    self->bars.has_colors = self->has_colors;
    self->task = whorl_spawn_with(&(whorl_spawn_options){.name = "board"}, show, self);
    return self->task != NULL ? 0 : -1;
}

void board_end(struct board *self)
{
    whorl_shield scope;
    self->is_ending = true;
    whorl_event_set(&self->stirred);
    whorl_shield_begin(&scope, PATIENCE);
    whorl_shield_end(&scope, whorl_wait_for(self->task, PATIENCE));
    free(self->lines);
}
