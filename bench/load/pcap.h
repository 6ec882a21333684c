/* A sample of the packets of a run as pcapng. A worker copies what is sampled into a ring of bytes
 * of its own; a thread writes it down. Which packets: by a hash of the topmost branch, so that a
 * request, its retransmissions and its answers are all in the file or none of them.
 *
 * UDP stands there as IP packets with headers made anew, streams as messages of SIP by themselves
 * (Wireshark's exported PDUs). Padding that is put in at the last moment (SP behind the colon of
 * Content-Length) is not in it. */
#ifndef ZSIP_BENCH_LOAD_PCAP_H
#define ZSIP_BENCH_LOAD_PCAP_H

#include "zsip/zsip.h"

#include <stdio.h>

#define LOAD_PCAP_EVERY 1000u

struct load_pcap;
struct load_pcap_lane;

/* One in every packets' transactions goes to file, which is not closed by this. false: error holds
 * one line. */
bool load_pcap_create(struct load_pcap **pcap, FILE *file, uint32_t every, unsigned workers,
                      const char *version, char *error, size_t error_bytes);
/* Writes what is left and ends the thread. No worker may run any more. NULL is allowed. */
void load_pcap_destroy(struct load_pcap *pcap);

/* What a worker's tap gets as its user. */
struct load_pcap_lane *load_pcap_lane(struct load_pcap *pcap, unsigned worker);
/* Where it sends from, for packets whose path does not tell. Before it runs. */
void load_pcap_local(struct load_pcap_lane *lane, const struct zsip_address *local);
/* A zsip_tap. */
void load_pcap_tap(void *lane, const struct zsip_tapped *tapped);

/* Packets that found no room. Any thread. */
uint64_t load_pcap_dropped(const struct load_pcap *pcap);

/* Whether a message belongs to the sample; for tests. */
bool load_pcap_sampled(const uint8_t *data, size_t bytes, uint32_t every);

#endif
