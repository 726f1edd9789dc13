/*
 * The file that read and write use: one that the user names, or a temporary one that has no name
 * from the start, so that nothing is left behind however the program ends.
 */
#ifndef BENCH_FILE_H
#define BENCH_FILE_H

#include "options.h"

/* What file_prepare_* give back: the exit status if it is not 0. */
enum { FILE_READY = 0, FILE_FAILED = 1, FILE_REFUSED = 2 };

/* Opens --file for reading, or makes a temporary one; warms the cache unless --direct. Sets file_fd
 * and, for a temporary file, `file`. A sentence on stderr if it is not FILE_READY. */
int file_prepare_read(options *given);

/* The same, with lines of text, and --total bytes of a temporary file. */
int file_prepare_lines(options *given);

/* Opens or makes --file for writing, or makes a temporary one, and sees that there is room for
 * --total bytes. As above. */
int file_prepare_write(options *given);

/* Whether a temporary file for the workload would have room in the current directory. 0, or -1 with
 * a sentence. */
int file_check_room(const options *given);

/* Closes the file; one that was made for this run is gone after it. */
void file_give_back(options *given);

/* Opens the file again, with O_DIRECT if --direct asks for it: a descriptor, or -1 with a sentence.
 * `flags` is O_RDONLY, or O_RDWR with O_TRUNC. */
int file_open(const options *given, int flags);

/* Bytes in the file. */
uint64_t file_size(int fd);

/* `count` buffers of `size` bytes in one piece, page-aligned and backed by memory; NULL, with a
 * sentence, when there is none. They live until the process ends. */
char *file_buffers(uint64_t count, uint64_t size);

#endif
