/* Lanes between workers. */
#include "core/lane.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

static struct lane *lane_new(void)
{
    struct lane *lane = aligned_alloc(64, sizeof(*lane));
    zsip_lane_init(lane, aligned_alloc(64, LANE_BYTES));
    return lane;
}

static void lane_free(struct lane *lane)
{
    free(lane->bytes);
    free(lane);
}

static uint8_t bytes[70000];
static struct zsip_path path = {.flow = 3, .transport = ZSIP_TRANSPORT_UDP};

static bool put(struct lane *lane, uint32_t serial, uint32_t length)
{
    memset(bytes, (int)(serial & 255), length);
    memcpy(bytes, &serial, sizeof(serial));
    path.remote.port = (uint16_t)serial;
    struct zsip_packet packet = {
        .data = bytes, .path = &path, .bytes = length, .arrived_ns = serial * 10ull};
    return zsip_lane_put(lane, &packet);
}

static uint32_t length_of(uint32_t serial)
{
    return 4 + serial * 2654435761u % 3000;
}

static void check(const struct zsip_packet *packet, uint32_t serial)
{
    uint32_t found;
    memcpy(&found, packet->data, sizeof(found));
    cr_assert_eq(found, serial);
    cr_assert_eq(packet->bytes, length_of(serial));
    cr_assert_eq(packet->path->remote.port, (uint16_t)serial);
    cr_assert_eq(packet->path->flow, 3);
    cr_assert_eq(packet->arrived_ns, serial * 10ull);
    cr_assert_eq(packet->flags, ZSIP_PACKET_STEERED);
    for (uint32_t i = 4; i < packet->bytes; i++)
        cr_assert_eq(packet->data[i], (uint8_t)serial);
}

Test(lane, nothing_is_seen_before_publish)
{
    struct lane *lane = lane_new();
    struct zsip_packet packets[4];
    cr_assert(!zsip_lane_publish(lane));
    cr_assert(put(lane, 1, length_of(1)));
    cr_assert_eq(zsip_lane_take(lane, packets, 4), 0);
    cr_assert(zsip_lane_publish(lane));
    cr_assert(!zsip_lane_publish(lane));
    cr_assert_eq(zsip_lane_take(lane, packets, 4), 1);
    check(&packets[0], 1);
    lane_free(lane);
}

Test(lane, full_is_an_answer_and_release_makes_room)
{
    struct lane *lane = lane_new();
    struct zsip_packet packets[16];
    uint32_t count = 0;
    while (put(lane, count, 65535))
        cr_assert_lt(++count, 100);
    cr_assert_geq(count, 14);
    zsip_lane_publish(lane);
    cr_assert_eq(zsip_lane_take(lane, packets, 4), 4);
    cr_assert(!put(lane, count, 65535)); /* taken is not released */
    zsip_lane_release(lane);
    cr_assert(put(lane, count, 65535));
    lane_free(lane);
}

#define MANY 300000u

static void *produce(void *argument)
{
    struct lane *lane = argument;
    for (uint32_t serial = 0; serial < MANY; serial++) {
        while (!put(lane, serial, length_of(serial))) {
            zsip_lane_publish(lane);
            sched_yield(); /* the other one may have no core */
        }
        if (serial % 7 == 0)
            zsip_lane_publish(lane);
    }
    zsip_lane_publish(lane);
    return NULL;
}

Test(lane, two_threads_lose_and_reorder_nothing, .timeout = 300)
{
    struct lane *lane = lane_new();
    pthread_t thread;
    pthread_create(&thread, NULL, produce, lane);
    struct zsip_packet packets[64];
    for (uint32_t serial = 0; serial < MANY;) {
        size_t count = zsip_lane_take(lane, packets, 64);
        for (size_t i = 0; i < count; i++)
            check(&packets[i], serial++);
        zsip_lane_release(lane);
        if (count == 0)
            sched_yield();
    }
    pthread_join(thread, NULL);
    lane_free(lane);
}
