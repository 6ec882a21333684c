/* Seeded mutations of a text: bytes that matter to SIP put where they hurt.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_TESTS_PARSER_MUTATE_H
#define ZSIP_TESTS_PARSER_MUTATE_H

#include <stddef.h>
#include <stdint.h>

/* A changed copy in a block of exactly *out_bytes (at least 1); the caller frees it. The same seed
 * gives the same copy. */
uint8_t *mutate(const uint8_t *data, size_t bytes, uint64_t seed, size_t *out_bytes);

#endif
