/* CRC-32C (Castagnoli), the checksum of iSCSI and ext4: by the processor's own instruction where it
 * has one, else by a table. */
#ifndef FS_CRC32C_H
#define FS_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The checksum of what `crc` is the checksum of, with `len` bytes more; that of nothing is 0. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);

/* The same, each in its own way; the instruction's only where the processor has it. */
uint32_t crc32c_by_table(uint32_t crc, const void *data, size_t len);
uint32_t crc32c_by_instruction(uint32_t crc, const void *data, size_t len);
bool crc32c_has_instruction(void);

#endif
