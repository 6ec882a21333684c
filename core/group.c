/* Life of a group. */
#include "core/group.h"
#include "core/core.h"
#include "transport/memory.h"

#include "zsip/host.h"

#include <string.h>

static size_t members_bytes(const struct zsip_group *group)
{
    return group->count * sizeof(*group->members);
}

static size_t lanes_bytes(const struct zsip_group *group)
{
    return (size_t)group->count * group->count * sizeof(*group->lanes);
}

static size_t rings_bytes(const struct zsip_group *group)
{
    return (size_t)group->count * group->count * LANE_BYTES;
}

static enum zsip_status group_init(struct zsip_group *group)
{
    const struct zsip_memory *memory = &group->memory;
    group->members = memory->allocate(memory->user, members_bytes(group));
    group->lanes = memory->allocate(memory->user, lanes_bytes(group));
    group->lane_bytes = zsip_memory_reserve(memory, rings_bytes(group));
    if (group->members == NULL || group->lanes == NULL || group->lane_bytes == NULL)
        return ZSIP_ERROR_MEMORY;
    memset(group->members, 0, members_bytes(group));
    for (uint32_t i = 0; i < group->count * group->count; i++)
        zsip_lane_init(&group->lanes[i], group->lane_bytes + (size_t)i * LANE_BYTES);
    return zsip_random(group->seed, sizeof(group->seed));
}

enum zsip_status zsip_group_create(unsigned workers, enum zsip_steering steering,
                                   const struct zsip_memory *memory, struct zsip_group **group)
{
    *group = NULL;
    if (workers == 0 || workers > ZSIP_GROUP_WORKERS_MAX)
        return ZSIP_ERROR_ARGUMENT;
    struct zsip_memory hooks;
    enum zsip_status status = zsip_memory_read(&hooks, memory);
    if (status != ZSIP_OK)
        return status;
    struct zsip_group *made = hooks.allocate(hooks.user, sizeof(*made));
    if (made == NULL)
        return ZSIP_ERROR_MEMORY;
    *made = (struct zsip_group){.memory = hooks, .steering = steering, .count = workers};
    status = group_init(made);
    if (status == ZSIP_OK)
        *group = made;
    else
        zsip_group_destroy(made);
    return status;
}

void zsip_group_destroy(struct zsip_group *group)
{
    if (group == NULL)
        return;
    struct zsip_memory memory = group->memory;
    if (group->members != NULL)
        memory.release(memory.user, group->members, members_bytes(group));
    if (group->lanes != NULL)
        memory.release(memory.user, group->lanes, lanes_bytes(group));
    if (group->lane_bytes != NULL)
        zsip_memory_unreserve(&group->memory, group->lane_bytes, rings_bytes(group));
    memory.release(memory.user, group, sizeof(*group));
}
