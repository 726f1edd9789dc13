/* A log's headers and its records', as bytes: see log_format.h. */
#include <endian.h>
#include <errno.h>
#include <fs/crc32c.h>
#include <fs/log_format.h>
#include <string.h>
#include <whorl/log.h>

#define VERSION 1

static const char magic[8] = {'w', 'h', 'o', 'r', 'l', 'L', 'O', 'G'};

enum {
    AT_VERSION = 8,
    AT_IDENTITY = 16,
    AT_SEQUENCE = 24,
    AT_FIRST = 32,
    AT_OFFSET = 40,
    AT_CHECKSUM = 60,
};

static void put32(unsigned char *to, uint32_t value)
{
    value = htole32(value);
    memcpy(to, &value, sizeof value);
}

static void put64(unsigned char *to, uint64_t value)
{
    value = htole64(value);
    memcpy(to, &value, sizeof value);
}

static uint32_t get32(const unsigned char *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return le32toh(value);
}

static uint64_t get64(const unsigned char *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return le64toh(value);
}

void log_header_encode(unsigned char *bytes, const struct log_header *header)
{
    memset(bytes, 0, LOG_HEADER);
    memcpy(bytes, magic, sizeof magic);
    put32(bytes + AT_VERSION, VERSION);
    put64(bytes + AT_IDENTITY, header->identity);
    put64(bytes + AT_SEQUENCE, header->sequence);
    put64(bytes + AT_FIRST, (uint64_t)header->first);
    put64(bytes + AT_OFFSET, (uint64_t)header->offset);
    put32(bytes + AT_CHECKSUM, crc32c(0, bytes, AT_CHECKSUM));
}

int log_header_decode(const unsigned char *bytes, struct log_header *header)
{
    if (memcmp(bytes, magic, sizeof magic) != 0 ||
        get32(bytes + AT_CHECKSUM) != crc32c(0, bytes, AT_CHECKSUM))
        return -EBADMSG;
    if (get32(bytes + AT_VERSION) != VERSION)
        return -EPROTONOSUPPORT;
    header->identity = get64(bytes + AT_IDENTITY);
    header->sequence = get64(bytes + AT_SEQUENCE);
    header->first = (int64_t)get64(bytes + AT_FIRST);
    header->offset = (int64_t)get64(bytes + AT_OFFSET);
    bool is_possible = header->first >= 0 && header->first <= LOG_PLACE_MAX &&
                       header->offset >= LOG_DATA && header->offset <= LOG_PLACE_MAX;
    return is_possible ? 0 : -EBADMSG;
}

uint32_t log_record_seed(uint64_t identity, int64_t lsn, uint32_t len)
{
    unsigned char bytes[20];
    put64(bytes, identity);
    put64(bytes + 8, (uint64_t)lsn);
    put32(bytes + 16, len | LOG_LENGTH_MARK);
    return crc32c(0, bytes, sizeof bytes);
}

void log_record_encode(unsigned char *bytes, uint32_t crc, uint32_t len)
{
    put32(bytes, crc);
    put32(bytes + 4, len | LOG_LENGTH_MARK);
}

bool log_record_decode(const unsigned char *bytes, uint32_t *crc, uint32_t *len)
{
    uint32_t field = get32(bytes + 4);
    *crc = get32(bytes);
    *len = field & ~LOG_LENGTH_MARK;
    return (field & LOG_LENGTH_MARK) && *len <= WHORL_LOG_RECORD_MAX;
}
