/*
 * Logs whose program is killed at any point, over and over: while sixteen tasks append to it, and
 * while one more drops what is old. The child tells through a pipe what was acknowledged; the
 * parent kills it, opens the log, and looks whether all of that is there, whole and in order.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/log_calls.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILLS = ROUNDS_OF(200), TASKS = 16, LONGEST = 3000, ACKS_MAX = 20000, FRESH_EVERY = 25 };
enum { STALLS_MOST = 60 }; /* of a second */

/* What a record begins with; the rest follows from it. */
struct mark {
    int32_t task;
    int32_t number; /* of that task's records */
};

/* What a child says: a record is durable, or (task TASKS) all before `lsn` was dropped. */
struct ack {
    struct mark mark;
    int64_t lsn;
};

static struct {
    test_path path;
    whorl_log log;
    bool drops;
    int ack_pipe;
    int32_t next[TASKS]; /* number that a task's next record has */
    random_source source;
    struct ack acks[ACKS_MAX];
    size_t ack_count;
    long records, acknowledged, dropped, torn; /* over the whole test */
} scene;

static size_t make_record(struct mark mark, unsigned char *bytes)
{
    size_t len = sizeof mark + (size_t)(mark.number * 37 + mark.task * 11) % LONGEST;
    memcpy(bytes, &mark, sizeof mark);
    for (size_t i = sizeof mark; i < len; i++)
        bytes[i] = (unsigned char)(mark.number + mark.task + (int)i);
    return len;
}

/* --- The child --- */

static void acknowledge(struct mark mark, int64_t lsn)
{
    struct ack ack = {mark, lsn};
    if (write(scene.ack_pipe, &ack, sizeof ack) != sizeof ack)
        _exit(2);
}

static intptr_t append_for_ever(void *arg)
{
    unsigned char bytes[LONGEST + sizeof(struct mark)];
    struct mark mark = {.task = (int32_t)(intptr_t)arg, .number = scene.next[(intptr_t)arg]};
    for (;; mark.number++) {
        int64_t lsn = whorl_log_append(&scene.log, bytes, make_record(mark, bytes));
        if (lsn < 0)
            _exit(3);
        acknowledge(mark, lsn);
    }
}

/* Drops all, or up to some record of those that are there. */
static int64_t draw_lsn(void)
{
    whorl_log_cursor cursor;
    whorl_log_record record = {.lsn = whorl_log_end(&scene.log)};
    uint64_t steps = random_below(&scene.source, 40);
    if (steps > 30)
        return record.lsn;
    whorl_log_cursor_begin(&cursor, &scene.log, 0);
    while (steps-- > 0 && whorl_log_cursor_next(&cursor, &record) == 1)
        continue;
    whorl_log_cursor_end(&cursor);
    return record.lsn;
}

static void drop_for_ever(void)
{
    for (;;) {
        int64_t lsn = draw_lsn();
        int error = whorl_log_truncate(&scene.log, lsn);
        if (error)
            _exit(4);
        acknowledge((struct mark){.task = TASKS}, lsn);
        for (uint64_t rests = random_below(&scene.source, 5); rests > 0; rests--)
            whorl_yield();
    }
}

static intptr_t run_until_killed(void *arg)
{
    (void)arg;
    whorl_log_options options = {.reserve = 32 << 10};
    if (whorl_log_open(&scene.log, scene.path.text, &options) != 0)
        _exit(5);
    for (intptr_t i = 0; i < TASKS; i++)
        if (!whorl_spawn(append_for_ever, (void *)i))
            _exit(6);
    if (scene.drops)
        drop_for_ever();
    return whorl_sleep(WHORL_FOREVER);
}

/* --- The parent --- */

/* Takes what has been acknowledged, until `enough`, or all that the child has left behind. */
static void take_acks(int fd, size_t enough)
{
    struct ack ack;
    while (scene.ack_count < enough && read(fd, &ack, sizeof ack) == sizeof ack)
        if (check(scene.ack_count < ACKS_MAX))
            scene.acks[scene.ack_count++] = ack;
}

static void run_and_kill(void)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        scene.ack_pipe = ends[1];
        whorl_run(run_until_killed, NULL);
        _exit(7);
    }
    close(ends[1]);
    scene.ack_count = 0;
    take_acks(ends[0], random_below(&scene.source, 4) == 0 ? 0 : random_below(&scene.source, 400));
    usleep((useconds_t)random_below(&scene.source, 3000));
    kill(pid, SIGKILL);
    take_acks(ends[0], SIZE_MAX);
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static void check_whole(const whorl_log_record *record, struct mark *mark)
{
    unsigned char bytes[LONGEST + sizeof *mark];
    *mark = (struct mark){.task = TASKS};
    if (!check(record->len >= sizeof *mark && record->len <= sizeof bytes))
        return;
    memcpy(mark, record->data, sizeof *mark);
    check(mark->task >= 0 && mark->task < TASKS);
    check_equal(make_record(*mark, bytes), record->len);
    check(memcmp(bytes, record->data, record->len) == 0);
}

/* Marks the acknowledgement of that record as met. */
static void meet(struct mark mark, int64_t lsn)
{
    for (size_t i = 0; i < scene.ack_count; i++) {
        struct ack *ack = &scene.acks[i];
        if (ack->mark.task != mark.task || ack->mark.number != mark.number)
            continue;
        check_equal(ack->lsn, lsn);
        ack->mark.task = -1;
    }
}

/* What was not met was dropped, and what was to be dropped is gone. */
static void check_acks(int64_t first)
{
    for (size_t i = 0; i < scene.ack_count; i++) {
        const struct ack *ack = &scene.acks[i];
        if (ack->mark.task == TASKS)
            check(first >= ack->lsn);
        else if (ack->mark.task >= 0)
            check(scene.drops && ack->lsn < first);
        scene.dropped += ack->mark.task == TASKS;
        scene.acknowledged += ack->mark.task != TASKS;
    }
}

/* A disk that stands still keeps what the killed process has left with the kernel, and the log
 * locked, for longer than one open waits. */
static int open_what_is_left(void)
{
    int error = -EBUSY;
    for (int stalls = 0; error == -EBUSY && stalls < STALLS_MOST; stalls++)
        error = whorl_log_open(&scene.log, scene.path.text, NULL);
    return error;
}

static intptr_t look_after(void *arg)
{
    whorl_log_cursor cursor;
    whorl_log_record record;
    whorl_log_stats stats;
    int32_t seen[TASKS];
    (void)arg;
    memset(seen, -1, sizeof seen);
    if (!check_equal(open_what_is_left(), 0))
        return 0;
    int64_t next = whorl_log_first(&scene.log);
    check_equal(whorl_log_cursor_begin(&cursor, &scene.log, 0), 0);
    int found;
    while ((found = whorl_log_cursor_next(&cursor, &record)) == 1) {
        struct mark mark;
        check_equal(record.lsn, next);
        next = record.lsn + 8 + (int64_t)record.len;
        check_whole(&record, &mark);
        if (mark.task >= TASKS)
            continue;
        check(seen[mark.task] < 0 || mark.number == seen[mark.task] + 1);
        seen[mark.task] = mark.number;
        meet(mark, record.lsn);
        scene.records++;
    }
    check_equal(found, 0);
    check_equal(whorl_log_cursor_end(&cursor), 0);
    check_equal(next, whorl_log_end(&scene.log));
    check_acks(whorl_log_first(&scene.log));
    check_equal(whorl_log_get_stats(&scene.log, &stats), 0);
    scene.torn += stats.dropped > 0;
    for (int i = 0; i < TASKS; i++)
        scene.next[i] = seen[i] >= 0 ? seen[i] + 1 : scene.next[i] + 10000;
    return whorl_log_close(&scene.log);
}

static void kill_again_and_again(bool drops)
{
    long kills = test_rounds(KILLS);
    memset(&scene, 0, sizeof scene);
    scene.path = path_of("log");
    scene.drops = drops;
    scene.source = random_from_seed(drops);
    for (long i = 0; i < kills && failed_checks() == 0; i++) {
        if (i % FRESH_EVERY == 0)
            unlink(scene.path.text);
        run_and_kill();
        run_checks(look_after, NULL);
    }
    printf("%ld kills, %ld records acknowledged, %ld truncates, %ld records looked at; %ld logs "
           "with a torn end\n",
           kills, scene.acknowledged, scene.dropped, scene.records, scene.torn);
}

static void a_log_killed_at_any_point_holds_every_acknowledged_record_in_order(void **state)
{
    (void)state;
    kill_again_and_again(false);
}

static void so_does_one_killed_while_it_is_truncated_too(void **state)
{
    (void)state;
    kill_again_and_again(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_log_killed_at_any_point_holds_every_acknowledged_record_in_order),
        behaviour(so_does_one_killed_while_it_is_truncated_too),
    };
    return run_behaviours("log killed", tests);
}
