/* Between putting trains together (train.c) and sending them (send.c). */
#ifndef ZSIP_NET_SEND_H
#define ZSIP_NET_SEND_H

#include "transport/internal.h"

/* A slot for a send of that many outputs, and its submission entry; flushes if all are taken. The
 * caller fills socket, members and vectors, and queues it before asking for another. NULL: the ring
 * is broken. */
struct send_slot *zsip_send_slot(struct zsip_net *net, uint32_t members, struct io_uring_sqe **sqe);

/* segment_bytes: of each datagram of a train, 0 for a lone one. */
void zsip_send_queue(struct zsip_net *net, struct io_uring_sqe *sqe, struct send_slot *slot,
                     const struct zsip_path *path, size_t segment_bytes);

/* Writes a slot's control messages; returns their bytes. */
size_t zsip_send_control(struct send_slot *slot, const struct zsip_address *local,
                         size_t segment_bytes);

/* This output can not even be queued: no socket leads where it wants to go. */
void zsip_send_impossible(struct zsip_net *net, const struct zsip_output *output);

/* From now on datagrams to this host go one by one. */
void zsip_train_forbid(struct zsip_net *net, const struct zsip_address *remote);

#endif
