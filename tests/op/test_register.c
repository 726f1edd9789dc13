/*
 * Registered files and buffers: that ops reach files through slots, and memory through registered
 * buffers, and every refusal that the header names.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 8192 };

static whorl_op on_slot(whorl_op op)
{
    op.flags |= WHORL_OP_FIXED_FILE;
    return op;
}

static int await(whorl_op op)
{
    return whorl_op_await(&op);
}

/* --- Files --- */

static intptr_t use_slots(void *arg)
{
    (void)arg;
    char buf[16] = {0};
    pair both = unix_pair();
    int slots[] = {digits_file(O_RDWR), -1, both.ends[0]};
    check_equal(whorl_register_files(slots, 3), 0);
    check_equal(close(slots[0]), 0); /* the slots keep the files open */
    check_equal(close(both.ends[0]), 0);
    both.ends[0] = -1;

    check_equal(await(on_slot(whorl_op_pread(0, buf, 4, 2))), 4);
    check_text(buf, "2345");
    check_equal(await(on_slot(whorl_op_pwrite(0, "ab", 2, 0))), 2);
    check_equal(await(on_slot(whorl_op_fsync(0))), 0);
    check_equal(send(both.ends[1], "x", 1, 0), 1);
    check_equal(await(on_slot(whorl_op_poll(2, POLLIN))), POLLIN);
    check_equal(await(on_slot(whorl_op_recv(2, buf, 1, 0))), 1);
    check_equal(await(on_slot(whorl_op_send(2, "y", 1, 0))), 1);
    check_equal(recv(both.ends[1], buf, 1, MSG_DONTWAIT), 1);

    check_equal(await(on_slot(whorl_op_pread(1, buf, 1, 0))), -EBADF); /* an empty slot */
    check_equal(await(on_slot(whorl_op_pread(3, buf, 1, 0))), -EBADF);
    check_equal(await(on_slot(whorl_op_pread(-1, buf, 1, 0))), -EBADF);
    check_equal(whorl_unregister_files(), 0);
    check_equal(recv(both.ends[1], buf, 1, 0), 0); /* the last holder has let it go */
    check_equal(await(on_slot(whorl_op_pread(0, buf, 1, 0))), -EBADF);
    close_pair(&both);
    return 0;
}

static void ops_reach_files_through_slots(void **state)
{
    (void)state;
    run_checks(use_slots, NULL);
}

static intptr_t batch_on_slots(void *arg)
{
    (void)arg;
    char bytes[10] = {0};
    int fd = digits_file(O_RDWR);
    check_equal(whorl_register_files(&fd, 1), 0);
    whorl_op ops[10];
    for (int i = 0; i < 10; i++)
        ops[i] = on_slot(whorl_op_pread(0, &bytes[i], 1, i));
    check_equal(whorl_gather_ops(ops, 10), 0);
    check_equal(memcmp(bytes, "0123456789", 10), 0);
    whorl_op chain[3] = {on_slot(whorl_op_pwrite(0, "abc", 3, 4)), on_slot(whorl_op_fdatasync(0)),
                         on_slot(whorl_op_pread(0, bytes, 10, 0))};
    check_equal(whorl_link_ops(chain, 3), 0);
    check_equal(memcmp(bytes, "0123abc789", 10), 0);
    return close(fd); /* the run's end unregisters */
}

static void batches_and_chains_use_slots(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++)
        run_checks(batch_on_slots, NULL);
}

static intptr_t close_beside_a_slot(void *arg)
{
    (void)arg;
    char byte;
    pair both = unix_pair();
    check_equal(whorl_register_files(&both.ends[0], 1), 0);
    whorl_op op = on_slot(whorl_op_recv(0, &byte, 1, 0));
    check_equal(whorl_op_start(&op), 0);
    check_equal(whorl_yield(), 0);
    int zero = dup2(0, 0); /* descriptor 0 is not slot 0, whatever it is */
    check_equal(zero, 0);
    int spare = dup(0);
    check_equal(whorl_close(0), 0);
    check_equal(dup2(spare, 0), 0);
    check_equal(close(spare), 0);
    check_equal(send(both.ends[1], "x", 1, 0), 1);
    check_equal(whorl_op_await(&op), 1);
    close_pair(&both);
    return 0;
}

static void a_close_does_not_take_a_slot_for_a_descriptor(void **state)
{
    (void)state;
    run_checks(close_beside_a_slot, NULL);
}

static intptr_t truncate_a_slot(void *arg)
{
    (void)arg;
    int fd = digits_file(O_RDWR);
    pair guard = pipe_pair();
    check_equal(whorl_register_files(&fd, 1), 0);
    int result = await(on_slot(whorl_op_ftruncate(0, 3)));
    bool offered = (whorl_features() & WHORL_FEATURE_OP_FTRUNCATE) != 0;
    off_t size = lseek(fd, 0, SEEK_END);
    check(offered ? result == 0 : result == 0 || result == -EOPNOTSUPP || result == -EBADF);
    check_equal(size, result == 0 ? 3 : 10);
    close_pair(&guard);
    return close(fd);
}

/* Where the kernel has no such operation, slot 0 must not be taken for descriptor 0: that is made a
 * file which would show it. */
static void a_fallback_does_not_take_a_slot_for_a_descriptor(void **state)
{
    (void)state;
    int spare = dup(0);
    write_whole(path_of("input").text, "input", 5);
    int input = open(path_of("input").text, O_RDWR | O_CLOEXEC);
    assert_int_equal(dup2(input, 0), 0);
    close(input);
    whorl_config config = {.without = WHORL_FEATURE_OP_FTRUNCATE};
    intptr_t results[] = {whorl_run(truncate_a_slot, NULL),
                          whorl_run_with(&config, truncate_a_slot, NULL)};
    off_t size = lseek(0, 0, SEEK_END);
    dup2(spare, 0);
    close(spare);
    assert_int_equal(results[0], 0);
    assert_int_equal(results[1], 0);
    assert_int_equal(size, 5);
}

static intptr_t register_files_wrongly(void *arg)
{
    (void)arg;
    int fd = digits_file(O_RDWR);
    check_equal(whorl_register_files(NULL, 1), -EINVAL);
    check_equal(whorl_register_files(&fd, 0), -EINVAL);
    check_equal(whorl_unregister_files(), -ENXIO);
    check_equal(whorl_register_files((int[]){fd, INT32_MAX}, 2), -EBADF);
    check_equal(whorl_unregister_files(), -ENXIO);
    check_equal(whorl_register_files(&fd, 1), 0);
    check_equal(whorl_register_files(&fd, 1), -EBUSY);
    check_equal(whorl_unregister_files(), 0);
    check_equal(whorl_unregister_files(), -ENXIO);

    struct rlimit limit;
    check_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit low = {64, limit.rlim_max};
    int slots[65];
    for (int i = 0; i < 65; i++)
        slots[i] = -1;
    check_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    check_equal(whorl_register_files(slots, 65), -EMFILE);
    check_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    check_equal(whorl_register_files(slots, 65), 0);
    check_equal(whorl_unregister_files(), 0);
    return close(fd);
}

static void register_files_refuses_what_its_text_says(void **state)
{
    (void)state;
    run_checks(register_files_wrongly, NULL);
}

/* --- Buffers --- */

static intptr_t use_buffers(void *arg)
{
    char *memory = arg;
    char outside[4] = {0};
    struct iovec iov[] = {{memory, ROOM / 2}, {memory + ROOM / 2, ROOM / 2}};
    int fd = digits_file(O_RDWR);
    check_equal(whorl_register_buffers(iov, 2), 0);
    memset(memory, 0, ROOM);
    check_equal(await(whorl_op_read_fixed(fd, memory + 5, 4, 3, 0)), 4);
    check_text(memory + 5, "3456");
    char *second = memory + ROOM / 2;
    check_equal(await(whorl_op_read_fixed(fd, second, ROOM / 2, 0, 1)), 10);
    check_equal(await(whorl_op_write_fixed(fd, second + 8, 2, 10, 1)), 2);
    check_equal(lseek(fd, 0, SEEK_END), 12);

    check_equal(await(whorl_op_read_fixed(fd, second, 1, 0, 0)), -EFAULT); /* the other's */
    check_equal(await(whorl_op_read_fixed(fd, second - 1, 2, 0, 0)), -EFAULT);
    check_equal(await(whorl_op_read_fixed(fd, memory - 1, 2, 0, 0)), -EFAULT);
    check_equal(await(whorl_op_write_fixed(fd, outside, 1, 0, 0)), -EFAULT);
    check_equal(await(whorl_op_read_fixed(fd, memory, 1, 0, 2)), -EFAULT);
    check_equal(await(whorl_op_read_fixed(fd, memory, 1, 0, UINT32_MAX)), -EFAULT);
    check_equal(await(whorl_op_read_fixed(fd, memory, 1, 0, 65536)), -EFAULT);
    check_equal(await(whorl_op_read_fixed(fd, memory, 1, -1, 0)), -EINVAL);
    check_equal(await(whorl_op_read_fixed(-1, memory, 1, 0, 0)), -EBADF);
    check_equal(whorl_unregister_buffers(), 0);
    check_equal(await(whorl_op_read_fixed(fd, memory, 1, 0, 0)), -EFAULT);
    return close(fd);
}

static void ops_reach_memory_through_registered_buffers(void **state)
{
    (void)state;
    char *memory = aligned_alloc(4096, ROOM);
    run_checks(use_buffers, memory);
    free(memory);
}

static intptr_t use_both(void *arg)
{
    char *memory = arg;
    int fd = digits_file(O_RDWR);
    check_equal(whorl_register_files(&fd, 1), 0);
    check_equal(whorl_register_buffers(&(struct iovec){memory, ROOM}, 1), 0);
    whorl_op ops[10];
    for (int i = 0; i < 10; i++)
        ops[i] = on_slot(whorl_op_read_fixed(0, memory + i, 1, i, 0));
    check_equal(whorl_gather_ops(ops, 10), 0);
    check_equal(memcmp(memory, "0123456789", 10), 0);
    return close(fd);
}

static void slots_and_buffers_go_together(void **state)
{
    (void)state;
    char *memory = aligned_alloc(4096, ROOM);
    run_checks(use_both, memory);
    free(memory);
}

static intptr_t register_buffers_wrongly(void *arg)
{
    char *memory = arg;
    struct iovec good = {memory, ROOM};
    size_t huge = (size_t)3 << 30;
    char *reserved =
        mmap(NULL, huge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    check_equal(whorl_register_buffers(NULL, 1), -EINVAL);
    check_equal(whorl_register_buffers(&good, 0), -EINVAL);
    check_equal(whorl_unregister_buffers(), -ENXIO);
    check_equal(whorl_register_buffers(&(struct iovec){reserved, 4096}, 1), -EFAULT);
    check_equal(whorl_register_buffers(&(struct iovec){NULL, 4096}, 1), -EFAULT);
    int too_large = whorl_register_buffers(&(struct iovec){reserved, huge}, 1);
    check(too_large == -EINVAL || too_large == -EFAULT);
    check_equal(munmap(reserved, huge), 0);
    check_equal(whorl_unregister_buffers(), -ENXIO);
    check_equal(whorl_register_buffers(&good, 1), 0);
    check_equal(whorl_register_buffers(&good, 1), -EBUSY);
    check_equal(whorl_unregister_buffers(), 0);
    check_equal(whorl_unregister_buffers(), -ENXIO);
    return 0;
}

static void register_buffers_refuses_what_its_text_says(void **state)
{
    (void)state;
    char *memory = aligned_alloc(4096, ROOM);
    run_checks(register_buffers_wrongly, memory);
    free(memory);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(ops_reach_files_through_slots),
        behaviour(batches_and_chains_use_slots),
        behaviour(a_close_does_not_take_a_slot_for_a_descriptor),
        behaviour(a_fallback_does_not_take_a_slot_for_a_descriptor),
        behaviour(register_files_refuses_what_its_text_says),
        behaviour(ops_reach_memory_through_registered_buffers),
        behaviour(slots_and_buffers_go_together),
        behaviour(register_buffers_refuses_what_its_text_says),
    };
    return run_behaviours("register", tests);
}
