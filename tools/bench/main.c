/*
 * whorl-bench: measures whorl and, in the same run, what one would write without it.
 *
 * Exit status: 0 done; 1 a run failed; 2 the arguments make no sense. Either of the last two comes
 * with one sentence on stderr. stdout has tables, or with --json - the JSON and nothing else.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "echo.h"
#include "fail.h"
#include "file.h"
#include "json.h"
#include "plan.h"
#include "report.h"

enum { EXIT_DONE = 0, EXIT_RUN_FAILED = 1, EXIT_REFUSED = 2 };

/* Opens --json. 0, or -1 with a sentence. *out is NULL when no JSON is wanted. */
static int open_json(const options *given, FILE **out)
{
    *out = NULL;
    if (given->json == NULL)
        return 0;
    if (strcmp(given->json, "-") == 0) {
        *out = stdout;
        return 0;
    }
    *out = fopen(given->json, "we");
    if (*out != NULL)
        return 0;
    return fail("--json \"%s\" cannot be written: %s; name a file that can, or - for stdout",
                given->json, strerror(errno));
}

static int run_into(plan *todo, FILE *out)
{
    FILE *tables = out != stdout ? stdout : NULL;
    json rows;
    if (out != NULL)
        json_begin(&rows, out);
    if (tables != NULL)
        report_machine(tables);
    int status = plan_run(todo, tables, out != NULL ? &rows : NULL);
    if (out != NULL && json_end(&rows) != 0)
        status = EXIT_RUN_FAILED;
    if (tables != NULL && (fflush(tables) != 0 || ferror(tables))) {
        fail("writing the tables failed: see that there is room where stdout goes");
        status = EXIT_RUN_FAILED;
    }
    return status;
}

static int run_plan(const options *given)
{
    plan todo;
    FILE *out;
    int status = plan_make(&todo, given);
    if (status != 0)
        return status;
    if (open_json(given, &out) != 0) {
        plan_drop(&todo);
        return EXIT_REFUSED;
    }
    status = run_into(&todo, out);
    if (out != NULL && out != stdout)
        fclose(out);
    return status;
}

int main(int argc, char **argv)
{
    options given;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    signal(SIGPIPE, SIG_IGN);
    int parsed = options_parse(argc, argv, &given);
    if (parsed != 0)
        return parsed > 0 ? EXIT_DONE : EXIT_REFUSED;
    options full = options_for(given.command, &given);
    if (full.listen == NULL)
        return run_plan(&full);
    return echo_check(&full) == 0 ? echo_listen(&full) : EXIT_REFUSED;
}
