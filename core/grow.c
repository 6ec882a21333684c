/* Structures that begin with their size, from callers who may know fewer members, or more. */
#include "core/core.h"

#include "zsip/host.h"

static size_t bytes_of(const void *structure)
{
    size_t bytes;
    memcpy(&bytes, structure, sizeof(bytes));
    return bytes;
}

enum zsip_status zsip_struct_read(void *known, size_t known_bytes, const void *given)
{
    size_t bytes = bytes_of(given);
    if (bytes < sizeof(size_t))
        return ZSIP_ERROR_ARGUMENT;
    const uint8_t *from = given;
    for (size_t i = known_bytes; i < bytes; i++) {
        if (from[i] != 0)
            return ZSIP_ERROR_UNSUPPORTED;
    }
    memcpy(known, given, bytes < known_bytes ? bytes : known_bytes);
    memcpy(known, &known_bytes, sizeof(known_bytes));
    return ZSIP_OK;
}

void zsip_struct_write(void *given, const void *known, size_t known_bytes)
{
    const size_t head = sizeof(size_t);
    size_t bytes = bytes_of(given);
    if (bytes <= head)
        return;
    uint8_t *to = given;
    size_t both = bytes < known_bytes ? bytes : known_bytes;
    memcpy(to + head, (const uint8_t *)known + head, both - head);
    memset(to + both, 0, bytes - both);
}

enum zsip_status zsip_memory_read(struct zsip_memory *memory, const struct zsip_memory *given)
{
    *memory = (struct zsip_memory){0};
    if (given == NULL)
        given = zsip_memory_default();
    enum zsip_status status = zsip_struct_read(memory, sizeof(*memory), given);
    if (status != ZSIP_OK)
        return status;
    bool whole = memory->allocate != NULL && memory->release != NULL &&
                 (memory->reserve == NULL) == (memory->unreserve == NULL);
    return whole ? ZSIP_OK : ZSIP_ERROR_ARGUMENT;
}
