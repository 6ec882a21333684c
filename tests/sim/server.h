/* What the two files of the server side's model share. */
#ifndef ZSIP_TESTS_SIM_SERVER_H
#define ZSIP_TESTS_SIM_SERVER_H

#include "tests/sim/sim.h"

/* records.c */
struct record *record_new(struct node *node, const struct look *look);
/* Off its list: neither pending nor done then. */
void record_unlink(struct node *node, struct record *record);
void record_link(struct record **first, struct record **last, struct record *record);
void record_free(struct node *node, struct record *record);
/* Answered now. */
void record_done(struct node *node, struct record *record);
/* Which verdicts are right for a request now, a bit each. *found: the record of its copy, if any.
 */
unsigned record_verdicts(struct node *node, const struct packet *packet, struct record **found);
/* The status zsip itself refuses a new request with; 0: none. */
unsigned record_refusal(const struct node *node, const struct packet *packet, bool merged);
/* How many live records share an M; those that are there perhaps are counted. */
unsigned record_sharers(struct node *node, uint64_t m);
/* Records of this request that were there perhaps turn out not to be. */
void record_ghosts(struct node *node, const struct look *look);
/* May there be no room for so many more, own of which are the asker's already? */
bool store_full(const struct node *node, unsigned units, unsigned own);
bool log_full(const struct node *node, uint64_t bytes);
/* Bytes of the log an answer may take at most: it is packed with a small head. */
uint64_t log_bytes_of(const struct zsip_response *response);
/* Was a 503 for a full store right? */
bool refused_rightly(struct node *node, const struct packet *packet, unsigned units,
                     uint64_t log_bytes);

#endif
