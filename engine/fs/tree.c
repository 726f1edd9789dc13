/* The loop's side of a tree: giving its work to hands, and waiting for them. See tree.h. */
#include <errno.h>
#include <fs/tree.h>
#include <string.h>
#include <unistd.h>

static void hand_ended(struct loop *loop, struct hand *hand)
{
    struct tree *tree = hand->tree;
    hand->is_out = false;
    loop->jobs--;
    pthread_mutex_lock(&tree->lock);
    unsigned out = --tree->out;
    pthread_mutex_unlock(&tree->lock);
    if (out == 0 && tree_is_stopped(tree))
        tree_drain(tree);
    if (tree->task->wait == &tree->kind->wait)
        task_wake(tree->task, 0);
}

static bool hand_take(struct loop *loop, struct inbox_node *node)
{
    hand_ended(loop, (struct hand *)node);
    return true;
}

void tree_cancel(struct task *self)
{
    struct tree *tree = self->wait_object;
    tree->is_cancelled = true;
    tree_stop(tree);
    for (unsigned i = 0; i < tree->hands_most; i++) {
        struct hand *hand = &tree->hands[i];
        if (hand->is_out && pool_withdraw(self->loop->pool, &hand->job))
            hand_ended(self->loop, hand);
    }
}

/* How many more hands could do something. */
static unsigned hands_wanted(struct tree *tree)
{
    pthread_mutex_lock(&tree->lock);
    size_t wanted = tree->waiting;
    if (wanted > 0 && tree->work->is_entered)
        wanted++;
    unsigned rest = tree->hands_most - tree->out;
    pthread_mutex_unlock(&tree->lock);
    if (tree_is_stopped(tree))
        return 0;
    return wanted < rest ? (unsigned)wanted : rest;
}

static int send_out(struct loop *loop, struct tree *tree)
{
    struct hand *hand = tree->hands;
    while (hand->is_out)
        hand++;
    *hand = (struct hand){.job = {.node.take = hand_take, .fn = tree_work, .arg = tree},
                          .tree = tree,
                          .is_out = true};
    pthread_mutex_lock(&tree->lock);
    tree->out++;
    pthread_mutex_unlock(&tree->lock);
    int error = pool_give(loop, &hand->job);
    if (!error) {
        loop->jobs++;
        return 0;
    }
    hand->is_out = false;
    pthread_mutex_lock(&tree->lock);
    tree->out--;
    pthread_mutex_unlock(&tree->lock);
    return error;
}

/* Until no hand is out and nothing is left that one could do. Without threads for all, those that
 * there are do it. */
static void work_off(struct loop *loop, struct tree *tree)
{
    do {
        int error = 0;
        for (unsigned more = hands_wanted(tree); more > 0 && !error; more--)
            error = send_out(loop, tree);
        if (tree->out > 0) {
            task_park(loop, tree->task, &tree->kind->wait, tree);
        } else if (error) {
            tree_fail(tree, NULL, NULL, TREE_FROM, error);
            tree_stop(tree);
        }
    } while (tree->out > 0 || hands_wanted(tree) > 0);
}

static void fill_report(const struct tree *tree)
{
    whorl_tree_report *report = tree->report;
    report->directories = tree->directories;
    report->files = tree->files;
    report->links = tree->links;
    report->specials = tree->specials;
    report->bytes = tree->bytes;
    report->errors = tree->errors;
    report->error = tree->error;
}

static unsigned hands_for_here(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (processors < TREE_HANDS_LEAST)
        return TREE_HANDS_LEAST;
    return processors < TREE_HANDS_MOST ? (unsigned)processors : TREE_HANDS_MOST;
}

int tree_run(struct loop *loop, struct tree *tree, const char *name, whorl_tree_report *report)
{
    if (report)
        memset(report, 0, sizeof *report);
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    tree->base = -1;
    tree->report = report;
    tree->task = loop->current;
    tree->hands_most = hands_for_here();
    pthread_mutex_init(&tree->lock, NULL);
    tree->work = tree_dir_make(NULL, name);
    tree->waiting = tree->work != NULL;
    if (tree->work)
        work_off(loop, tree);
    else
        tree_fail(tree, NULL, NULL, TREE_FROM, -ENOMEM);
    tree_drain(tree);
    pthread_mutex_destroy(&tree->lock);
    if (report)
        fill_report(tree);
    bool goes_on = tree->flags & WHORL_TREE_GO_ON;
    if (!tree->is_whole && tree->is_cancelled && (!tree->error || goes_on))
        return -ECANCELED;
    return tree->error;
}
