/*
 * What a log's file looks like. All numbers are little-endian; bytes not named are zero.
 *
 *     0        the header
 *     4096     the header once more
 *     8192     room for records, one right behind the other
 *
 * A header, 64 bytes:
 *
 *     0   8   "whorlLOG"
 *     8   4   the version of this format: 1
 *     16  8   the log's identity: drawn at random when it was made
 *     24  8   sequence: each header that is written has a higher one; of two that differ the higher
 *             holds
 *     32  8   the LSN of the first record
 *     40  8   the position in the file of that record
 *     60  4   CRC-32C of bytes 0 to 59
 *
 * A record:
 *
 *     0   4   CRC-32C of the identity (8), the record's LSN (8), the next field (4), and the data
 *     4   4   the length of the data, with the highest bit set, so that zeros are no record
 *     8       the data
 *
 * The record whose LSN is n ends where the one whose LSN is n + 8 + length begins. What follows the
 * last record is zeros, or bytes of records that were dropped: those have other LSNs there than the
 * place calls for, so that their checksums do not hold. Where such bytes follow, eight zeros stand
 * between.
 *
 * Headers are never written where the one that holds stands, until the other is on the disk. And a
 * place that a header which holds calls the log's is written only behind the last durable record.
 */
#ifndef FS_LOG_FORMAT_H
#define FS_LOG_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_SLOT 4096 /* between the two headers */
#define LOG_DATA (2 * LOG_SLOT)
#define LOG_HEADER 64
#define LOG_RECORD_HEADER 8
#define LOG_LENGTH_MARK UINT32_C(0x80000000)

/* The highest LSN and place of a first record that a header may have: no log comes so far, and two
 * of them and a file's length can be added. */
#define LOG_PLACE_MAX (INT64_MAX / 4)

struct log_header {
    uint64_t identity;
    uint64_t sequence;
    int64_t first;
    int64_t offset;
};

void log_header_encode(unsigned char *bytes, const struct log_header *header);

/* 0; -EBADMSG: it is none, or damaged; -EPROTONOSUPPORT: of another version. */
int log_header_decode(const unsigned char *bytes, struct log_header *header);

/* The checksum of a record without its data, to be continued over them. */
uint32_t log_record_seed(uint64_t identity, int64_t lsn, uint32_t len);

void log_record_encode(unsigned char *bytes, uint32_t crc, uint32_t len);

/* False: no record begins so. */
bool log_record_decode(const unsigned char *bytes, uint32_t *crc, uint32_t *len);

#endif
