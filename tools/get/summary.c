/* See summary.h. */
#include "summary.h"

#include <inttypes.h>

#include "get.h"
#include "text.h"
#include "words.h"

summary summary_of(const struct get *get)
{
    summary made = {0};
    for (size_t i = 0; i < get->list.count; i++) {
        enum fate fate = get->list.downloads[i].fate;
        made.saved += fate == FATE_SAVED;
        made.failed += fate == FATE_FAILED;
        made.cancelled += fate != FATE_SAVED && fate != FATE_FAILED;
    }
    return made;
}

void summary_tell(const summary *self, struct get *get, int64_t begun)
{
    char failed[48] = "", cancelled[80] = "";
    int64_t bytes = 0, spent = whorl_now() - begun;
    for (size_t i = 0; i < get->list.count; i++)
        bytes += get->list.downloads[i].received;
    if (self->failed > 0)
        snprintf(failed, sizeof failed, "; %zu failed", self->failed);
    if (self->cancelled > 0)
        snprintf(cancelled, sizeof cancelled, "; %zu interrupted: run this again to go on",
                 self->cancelled);
    board_tell(&get->board, BOARD_NEWS, "%zu of %zu files saved, %s in %s (%s/s)%s%s", self->saved,
               get->list.count, words_bytes((double)bytes).text, words_time((double)spent).text,
               words_bytes((double)bytes * 1e9 / (double)(spent > 0 ? spent : 1)).text, failed,
               cancelled);
}

static const char *word_for(enum fate fate)
{
    switch (fate) {
    case FATE_SAVED:
        return "saved";
    case FATE_FAILED:
        return "failed";
    default:
        return "interrupted";
    }
}

static void put_download(const download *each, FILE *out)
{
    fputs("  {\"url\": ", out);
    text_put_json(out, each->shown);
    fputs(", \"file\": ", out);
    text_put_json(out, each->name);
    fprintf(out, ", \"result\": \"%s\", \"bytes\": %" PRId64 ", \"resumed_from\": %" PRId64,
            word_for(each->fate), each->have, each->resumed);
    fprintf(out, ", \"received\": %" PRId64 ", \"attempts\": %u, \"status\": ", each->received,
            each->attempts);
    fprintf(out, each->status > 0 ? "%ld" : "null", each->status);
    fprintf(out, ", \"seconds\": %.6f", (double)(each->ended - each->begun) / 1e9);
    if (each->has_sum && each->fate == FATE_SAVED) {
        char digits[CHECKSUM_DIGITS + 1];
        checksum_print(&each->sum, digits);
        fprintf(out, ", \"sha256\": \"%s\"", digits);
    }
    if (each->fate == FATE_FAILED) {
        fputs(", \"error\": ", out);
        text_put_json(out, each->failure.text);
    }
    fputc('}', out);
}

int summary_put_json(const struct get *get, FILE *out)
{
    fputc('[', out);
    for (size_t i = 0; i < get->list.count; i++) {
        fputs(i > 0 ? ",\n" : "\n", out);
        put_download(&get->list.downloads[i], out);
    }
    fputs("\n]\n", out);
    return fflush(out) == 0 && !ferror(out) ? 0 : -1;
}
