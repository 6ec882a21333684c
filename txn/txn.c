/* zsip: the transaction room, its one object.
 *
 * SPDX-License-Identifier: MIT */
#include "txn/txn.h"

uint32_t zsip_txn_owner(const struct zsip_txn_key *key, uint32_t workers)
{
    ZSIP_ASSERT(workers > 0);
    /* The index uses the low bits, so the high ones are free to choose the worker. */
    return (uint32_t)(((key->m >> 32) * workers) >> 32);
}
