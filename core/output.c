/* The arena that outgoing messages are written into. */
#include "core/core.h"

/* The smallest response there is takes more than this, so the message table ends after the arena
 * does. */
#define MESSAGE_BYTES_MIN 128u

static size_t messages_bytes(const struct output *output)
{
    return output->message_max * sizeof(*output->messages);
}

static size_t paths_bytes(const struct output *output)
{
    return output->message_max * sizeof(*output->paths);
}

enum zsip_status zsip_output_create(struct output *output, const struct zsip_memory *memory,
                                    size_t arena_bytes)
{
    *output = (struct output){.arena_bytes = arena_bytes};
    output->message_max = (uint32_t)(arena_bytes / MESSAGE_BYTES_MIN);
    output->arena = memory->allocate(memory->user, arena_bytes);
    output->messages = memory->allocate(memory->user, messages_bytes(output));
    output->paths = memory->allocate(memory->user, paths_bytes(output));
    if (output->arena == NULL || output->messages == NULL || output->paths == NULL) {
        zsip_output_destroy(output, memory);
        return ZSIP_ERROR_MEMORY;
    }
    return ZSIP_OK;
}

void zsip_output_destroy(struct output *output, const struct zsip_memory *memory)
{
    if (output->arena != NULL)
        memory->release(memory->user, output->arena, output->arena_bytes);
    if (output->messages != NULL)
        memory->release(memory->user, output->messages, messages_bytes(output));
    if (output->paths != NULL)
        memory->release(memory->user, output->paths, paths_bytes(output));
    *output = (struct output){0};
}

/* Messages to one peer mostly follow each other, so looking at the last path alone finds nearly all
 * that can be shared. */
const struct zsip_path *zsip_output_path(struct output *output, const struct zsip_path *path)
{
    const struct zsip_path *last = zsip_output_last_path(output);
    if (last != NULL && memcmp(last, path, sizeof(*path)) == 0)
        return last;
    struct zsip_path *added = &output->paths[output->path_count++];
    *added = *path;
    return added;
}

void zsip_output_end(struct output *output, const struct text *text, const uint8_t *pad_at,
                     const struct zsip_path *path, uint64_t client)
{
    uint8_t *data = output->arena + output->used_bytes;
    size_t bytes = (size_t)(text->at - data);
    ZSIP_ASSERT(!text->over && bytes > 0 && output->message_count < output->message_max);
    output->messages[output->message_count++] = (struct zsip_output){
        .data = data,
        .path = path,
        .bytes = (uint32_t)bytes,
        .pad_at = pad_at == NULL ? 0 : (uint32_t)(pad_at - data),
        .client = client,
    };
    /* Messages on a stream follow each other without a gap, so that they leave as one. (A path
     * of UDP may be taken for reliable, by who wants no retransmission.) */
    size_t slot_bytes = bytes;
    if (path->transport == ZSIP_TRANSPORT_UDP)
        slot_bytes = (bytes + ZSIP_OUTPUT_STRIDE - 1) & ~(size_t)(ZSIP_OUTPUT_STRIDE - 1);
    output->used_bytes += slot_bytes;
    if (output->used_bytes > output->arena_bytes)
        output->used_bytes = output->arena_bytes;
}
