/*
 * See kernel_features.h. The JSON object has "kernel", "whorl", "features", each with "name",
 * "kernel", "here" and "fallback", and "operations", each with "name", "opcode" (null: a thread
 * makes the system call), "kernel", "here", "fallback" (null: none is needed) and "calls".
 */
#include "kernel_features.h"

#include <stdbool.h>
#include <string.h>
#include <sys/utsname.h>
#include <whorl.h>

#include "fail.h"
#include "text.h"

enum { FEATURE_BITS = 63 };

typedef struct places {
    FILE *tables;
    FILE *out;
} places;

/* --- For a person --- */

static void print_features(FILE *to, uint64_t here)
{
    fprintf(to, "%-16s %-7s %-5s without it\n", "feature", "since", "here");
    for (unsigned bit = 0; bit < FEATURE_BITS; bit++) {
        const whorl_feature_info *one = whorl_feature(UINT64_C(1) << bit);
        if (one != NULL)
            fprintf(to, "%-16s %-7s %-5s %s\n", one->name, one->kernel,
                    here >> bit & 1 ? "yes" : "no", one->fallback);
    }
}

static void print_operations(FILE *to)
{
    const whorl_operation_info *one;
    fprintf(to, "\n%-16s %-25s %-7s %-5s %-33s calls\n", "operation", "opcode", "since", "here",
            "without it");
    for (size_t i = 0; (one = whorl_operation(i)) != NULL; i++) {
        bool is_last = one->calls[0] == '\0';
        fprintf(to, "%-16s %-25s %-7s %-5s %-*s%s%s\n", one->name,
                one->opcode != NULL ? one->opcode : "thread", one->kernel,
                whorl_has_operation(i) ? "yes" : "no", is_last ? 0 : 33,
                one->fallback != NULL ? one->fallback : "-", is_last ? "" : " ", one->calls);
    }
}

/* --- For a program --- */

static void put(FILE *to, const char *key, const char *text)
{
    fprintf(to, "\"%s\": ", key);
    if (text != NULL)
        text_put_json(to, text);
    else
        fputs("null", to);
}

static void put_features(FILE *to, uint64_t here)
{
    const char *between = "";
    fputs("  \"features\": [", to);
    for (unsigned bit = 0; bit < FEATURE_BITS; bit++) {
        const whorl_feature_info *one = whorl_feature(UINT64_C(1) << bit);
        if (one == NULL)
            continue;
        fprintf(to, "%s\n    {", between);
        put(to, "name", one->name);
        fputs(", ", to);
        put(to, "kernel", one->kernel);
        fprintf(to, ", \"here\": %s, ", here >> bit & 1 ? "true" : "false");
        put(to, "fallback", one->fallback);
        fputc('}', to);
        between = ",";
    }
    fputs("\n  ],\n", to);
}

static void put_calls(FILE *to, const char *calls)
{
    const char *between = "";
    fputs(", \"calls\": [", to);
    for (size_t length; *calls != '\0'; calls += length + strspn(calls + length, " ")) {
        length = strcspn(calls, " ");
        fprintf(to, "%s\"%.*s\"", between, (int)length, calls);
        between = ", ";
    }
    fputs("]}", to);
}

static void put_operations(FILE *to)
{
    const whorl_operation_info *one;
    fputs("  \"operations\": [", to);
    for (size_t i = 0; (one = whorl_operation(i)) != NULL; i++) {
        fprintf(to, "%s\n    {", i > 0 ? "," : "");
        put(to, "name", one->name);
        fputs(", ", to);
        put(to, "opcode", one->opcode);
        fputs(", ", to);
        put(to, "kernel", one->kernel);
        fprintf(to, ", \"here\": %s, ", whorl_has_operation(i) ? "true" : "false");
        put(to, "fallback", one->fallback);
        put_calls(to, one->calls);
    }
    fputs("\n  ]\n", to);
}

/* --- Both, as a task, since its loop knows what is there --- */

static intptr_t print_all(void *arg)
{
    const places *to = arg;
    struct utsname system;
    uint64_t here = (uint64_t)whorl_features();
    const char *release = uname(&system) == 0 ? system.release : "unknown";
    if (to->tables != NULL) {
        fprintf(to->tables, "Linux %s; whorl %s\n\n", release, whorl_version());
        print_features(to->tables, here);
        print_operations(to->tables);
    }
    if (to->out == NULL)
        return 0;
    fputs("{\n  ", to->out);
    put(to->out, "kernel", release);
    fputs(",\n  ", to->out);
    put(to->out, "whorl", whorl_version());
    fputs(",\n", to->out);
    put_features(to->out, here);
    put_operations(to->out);
    fputs("}\n", to->out);
    return 0;
}

static int finish(FILE *to, const char *what)
{
    if (to == NULL || (fflush(to) == 0 && !ferror(to)))
        return 0;
    return fail("writing the %s failed: see that there is room where it goes", what);
}

int features_print(FILE *tables, FILE *out)
{
    intptr_t result = whorl_run(print_all, &(places){tables, out});
    if (result < 0)
        return fail_call("starting a loop", (long)result);
    int failed = finish(tables, "table");
    return finish(out, "JSON") != 0 ? -1 : failed;
}
