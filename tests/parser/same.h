/* Whether two parsed fields say the same.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ZSIP_TESTS_PARSER_SAME_H
#define ZSIP_TESTS_PARSER_SAME_H

#include "zsip/parser.h"

static inline bool same_slice(struct zsip_slice a, struct zsip_slice b)
{
    return a.offset == b.offset && a.length == b.length;
}

static inline bool same_via(const struct zsip_via *a, const struct zsip_via *b)
{
    return same_slice(a->whole, b->whole) && same_slice(a->transport_name, b->transport_name) &&
           same_slice(a->sent_by, b->sent_by) && same_slice(a->host, b->host) &&
           same_slice(a->params, b->params) && same_slice(a->branch, b->branch) &&
           same_slice(a->received, b->received) && same_slice(a->maddr, b->maddr) &&
           same_slice(a->rport, b->rport) && a->port == b->port && a->rport_port == b->rport_port &&
           a->transport == b->transport && a->host_kind == b->host_kind && a->flags == b->flags &&
           a->ttl == b->ttl;
}

static inline bool same_party(const struct zsip_party *a, const struct zsip_party *b)
{
    return same_slice(a->whole, b->whole) && same_slice(a->display, b->display) &&
           same_slice(a->uri, b->uri) && same_slice(a->params, b->params) &&
           same_slice(a->tag, b->tag);
}

static inline bool same_auth(const struct zsip_auth *a, const struct zsip_auth *b)
{
    return a->scheme == b->scheme && same_slice(a->whole, b->whole) &&
           same_slice(a->scheme_name, b->scheme_name) && same_slice(a->params, b->params) &&
           same_slice(a->username, b->username) && same_slice(a->realm, b->realm) &&
           same_slice(a->nonce, b->nonce) && same_slice(a->uri, b->uri) &&
           same_slice(a->response, b->response) && same_slice(a->algorithm, b->algorithm) &&
           same_slice(a->cnonce, b->cnonce) && same_slice(a->opaque, b->opaque) &&
           same_slice(a->qop, b->qop) && same_slice(a->nc, b->nc) &&
           same_slice(a->domain, b->domain) && same_slice(a->stale, b->stale) &&
           same_slice(a->userhash, b->userhash) && same_slice(a->nextnonce, b->nextnonce) &&
           same_slice(a->rspauth, b->rspauth);
}

#endif
