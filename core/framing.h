/* Between the parser's framer and the transport. Private to this room. */
#ifndef ZSIP_CORE_FRAMING_H
#define ZSIP_CORE_FRAMING_H

#include "transport/transport.h"

/* The framer of streams with these bounds, which live as long as the net. */
struct zsip_net_framer zsip_framing(struct zsip_stream_config *streams);

#endif
