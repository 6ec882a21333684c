/* zsip: the state tables, from the maps.
 *
 * SPDX-License-Identifier: MIT */
#include "txn/machine.h"

_Static_assert(ZSIP_TXN_ACTION_COUNT <= 16, "actions fit struct zsip_txn_cell");

enum { ZSIP_TXN_NONE = 0 };

#define A(name) ZSIP_TXN_##name

/* `actions` begins with a bare name and goes on with A(...), so that a row reads as words. */
#define CELL(kind, next, actions)                                                                  \
    {                                                                                              \
        ZSIP_TXN_CELL_##kind, next, (uint16_t)(ZSIP_TXN_##actions)                                 \
    }
#define OVER_UNRELIABLE(machine, state, event, ...) [state][event][0] = __VA_ARGS__,
#define OVER_RELIABLE(machine, state, event, ...)   [state][event][1] = __VA_ARGS__,
#define OVER_ANY(machine, state, event, ...)                                                       \
    [state][event][0] = __VA_ARGS__, [state][event][1] = __VA_ARGS__,

const struct zsip_txn_cell zsip_txn_client_cells[ZSIP_TXN_CLIENT_STATE_COUNT]
                                                [ZSIP_TXN_CLIENT_EVENT_COUNT][2] = {
#define X(state, event, over, kind, next, actions, why)                                            \
    OVER_##over(CLIENT, ZSIP_TXN_CLIENT_##state, ZSIP_TXN_CLIENT_ON_##event,                       \
                CELL(kind, ZSIP_TXN_CLIENT_##next, actions))
                                                    ZSIP_TXN_CLIENT_MAP(X)
#undef X
};

const struct zsip_txn_cell zsip_txn_server_cells[ZSIP_TXN_SERVER_STATE_COUNT]
                                                [ZSIP_TXN_SERVER_EVENT_COUNT][2] = {
#define X(state, event, over, kind, next, actions, why)                                            \
    OVER_##over(SERVER, ZSIP_TXN_SERVER_##state, ZSIP_TXN_SERVER_ON_##event,                       \
                CELL(kind, ZSIP_TXN_SERVER_##next, actions))
                                                    ZSIP_TXN_SERVER_MAP(X)
#undef X
};
