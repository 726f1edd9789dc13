/* CRC-32C, by the instruction and by the table: known values, and each other's. */
#include "support.h"

#include <fs/crc32c.h>
#include <string.h>

typedef uint32_t checksum(uint32_t crc, const void *data, size_t len);

static void check_known_values(checksum *crc)
{
    unsigned char bytes[32] = {0};
    check_equal(crc(0, "", 0), 0);
    check_equal(crc(0, "123456789", 9), 0xe3069283); /* the catalogue's check value */
    check_equal(crc(0, bytes, 32), 0x8a9136aa);      /* the next four: RFC 3720, B.4 */
    memset(bytes, 0xff, 32);
    check_equal(crc(0, bytes, 32), 0x62a8ab43);
    for (unsigned char i = 0; i < 32; i++)
        bytes[i] = i;
    check_equal(crc(0, bytes, 32), 0x46dd794e);
    for (unsigned char i = 0; i < 32; i++)
        bytes[i] = (unsigned char)(31 - i);
    check_equal(crc(0, bytes, 32), 0x113fdb5c);
}

static void the_table_gives_the_known_values(void **state)
{
    (void)state;
    check_known_values(crc32c_by_table);
}

static void the_instruction_gives_the_known_values(void **state)
{
    (void)state;
    if (!crc32c_has_instruction())
        skip_because("this processor has no instruction for CRC-32C");
    check_known_values(crc32c_by_instruction);
}

static void any_bytes_in_any_parts_give_the_same(void **state)
{
    (void)state;
    static unsigned char bytes[400];
    random_source source = random_from_seed(1);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)random_next(&source);
    check_known_values(crc32c);
    for (int i = 0; i < 20000; i++) {
        size_t from = random_below(&source, 16);
        size_t len = random_below(&source, sizeof bytes - from);
        size_t cut = random_below(&source, len + 1);
        uint32_t whole = crc32c_by_table(0, bytes + from, len);
        check_equal(crc32c(0, bytes + from, len), whole);
        check_equal(crc32c(crc32c(0, bytes + from, cut), bytes + from + cut, len - cut), whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(the_table_gives_the_known_values),
        behaviour(the_instruction_gives_the_known_values),
        behaviour(any_bytes_in_any_parts_give_the_same),
    };
    return run_behaviours("crc32c", tests);
}
