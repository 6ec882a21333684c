/* zsip: the two state machines, as tables. RFC 3261 sections 17.1.2.2 and 17.2.2, changed by
 * RFC 4320 and RFC 6026.
 *
 * SPDX-License-Identifier: MIT
 *
 * Every cell (state, event, over) is written: a ROW, IGNORE with its reason, or CANT, which is
 * asserted. `over` is UNRELIABLE, RELIABLE, or ANY for both. The executor looks up a cell and
 * returns it; it performs nothing. Names, the pictures in docs/ and the checked-in listing come
 * from these maps.
 *
 * Where we depart from the letter:
 *  - Client Completed is not kept. The slot is freed at the final response, and what timer K is
 *    for, telling late copies of it from strays, is done by the generation in the branch.
 *  - Server, reliable transports: timer J is 0, so Completed and Terminated are one.
 *  - Timers P and U are ours: P is RFC 4320 section 4.1's moment for the 100, U ends a request that
 *    the TU never answers (a late answer is forbidden by RFC 4320 section 4.2, so nothing is lost).
 */
#ifndef ZSIP_TXN_MACHINE_H
#define ZSIP_TXN_MACHINE_H

#include "txn/txn.h"

/* ---- Client --------------------------------------------------------------------------------- */

#define ZSIP_TXN_CLIENT_STATE_MAP(X)                                                               \
    X(NEW)                                                                                         \
    X(TRYING)                                                                                      \
    X(PROCEEDING)                                                                                  \
    X(TERMINATED)

#define ZSIP_TXN_CLIENT_EVENT_MAP(X)                                                               \
    X(REQUEST, "request from the TU")                                                              \
    X(PROVISIONAL, "1xx")                                                                          \
    X(FINAL, "200-699")                                                                            \
    X(TIMER_E, "timer E")                                                                          \
    X(TIMER_F, "timer F")                                                                          \
    X(ERROR, "transport error")                                                                    \
    X(CLOSE, "the TU lost interest")

/* X(state, event, over, kind, next state, actions, why) */
/* clang-format off */
#define ZSIP_TXN_CLIENT_MAP(X)                                                                     \
    X(NEW, REQUEST, UNRELIABLE, ROW, TRYING, SEND_REQUEST | A(START_E) | A(START_F),               \
      "17.1.2.2: pass to the transport, set timers E and F")                                       \
    X(NEW, REQUEST, RELIABLE, ROW, TRYING, SEND_REQUEST | A(START_F),                              \
      "17.1.2.2: no timer E over a reliable transport")                                            \
    X(NEW, PROVISIONAL, ANY, CANT, NEW, NONE, "no branch is out yet")                              \
    X(NEW, FINAL, ANY, CANT, NEW, NONE, "no branch is out yet")                                    \
    X(NEW, TIMER_E, ANY, CANT, NEW, NONE, "not set")                                               \
    X(NEW, TIMER_F, ANY, CANT, NEW, NONE, "not set")                                               \
    X(NEW, ERROR, ANY, CANT, NEW, NONE, "nothing was sent")                                        \
    X(NEW, CLOSE, ANY, CANT, NEW, NONE, "nothing to close")                                        \
    X(TRYING, REQUEST, ANY, CANT, TRYING, NONE, "one request a transaction")                       \
    X(TRYING, PROVISIONAL, ANY, ROW, PROCEEDING, PASS_RESPONSE, "17.1.2.2")                        \
    X(TRYING, FINAL, ANY, ROW, TERMINATED, PASS_RESPONSE | A(FREE),                                \
      "17.1.2.2; timer K is the generation's work")                                                \
    X(TRYING, TIMER_E, UNRELIABLE, ROW, TRYING, SEND_REQUEST | A(DOUBLE_E),                        \
      "17.1.2.2: MIN(2*E, T2)")                                                                    \
    X(TRYING, TIMER_E, RELIABLE, CANT, TRYING, NONE, "not set")                                    \
    X(TRYING, TIMER_F, ANY, ROW, TERMINATED, PASS_TIMEOUT | A(FREE), "17.1.2.2")                   \
    X(TRYING, ERROR, ANY, ROW, TERMINATED, PASS_ERROR | A(FREE), "17.1.4")                         \
    X(TRYING, CLOSE, ANY, ROW, TERMINATED, FREE, "nobody to tell")                                 \
    X(PROCEEDING, REQUEST, ANY, CANT, PROCEEDING, NONE, "one request a transaction")               \
    X(PROCEEDING, PROVISIONAL, ANY, ROW, PROCEEDING, PASS_RESPONSE, "17.1.2.2; timer E runs on")   \
    X(PROCEEDING, FINAL, ANY, ROW, TERMINATED, PASS_RESPONSE | A(FREE),                            \
      "17.1.2.2; timer K is the generation's work")                                                \
    X(PROCEEDING, TIMER_E, UNRELIABLE, ROW, PROCEEDING, SEND_REQUEST | A(LEVEL_E),                 \
      "17.1.2.2: T2 flat")                                                                         \
    X(PROCEEDING, TIMER_E, RELIABLE, CANT, PROCEEDING, NONE, "not set")                            \
    X(PROCEEDING, TIMER_F, ANY, ROW, TERMINATED, PASS_TIMEOUT | A(FREE), "17.1.2.2")               \
    X(PROCEEDING, ERROR, ANY, ROW, TERMINATED, PASS_ERROR | A(FREE), "17.1.4")                     \
    X(PROCEEDING, CLOSE, ANY, ROW, TERMINATED, FREE, "nobody to tell")                             \
    X(TERMINATED, REQUEST, ANY, CANT, TERMINATED, NONE, "one request a transaction")               \
    X(TERMINATED, PROVISIONAL, ANY, IGNORE, TERMINATED, COUNT,                                     \
      "late: absorbed as in Completed, 17.1.2.2")                                                  \
    X(TERMINATED, FINAL, ANY, IGNORE, TERMINATED, COUNT,                                           \
      "late or duplicate: absorbed as in Completed, 17.1.2.2")                                     \
    X(TERMINATED, TIMER_E, ANY, CANT, TERMINATED, NONE, "unlinked")                                \
    X(TERMINATED, TIMER_F, ANY, CANT, TERMINATED, NONE, "unlinked")                                \
    X(TERMINATED, ERROR, ANY, IGNORE, TERMINATED, NONE, "the outcome was told already")            \
    X(TERMINATED, CLOSE, ANY, IGNORE, TERMINATED, NONE, "the outcome was told already")
/* clang-format on */

/* ---- Server --------------------------------------------------------------------------------- */

#define ZSIP_TXN_SERVER_STATE_MAP(X)                                                               \
    X(NEW)                                                                                         \
    X(TRYING)                                                                                      \
    X(PROCEEDING)                                                                                  \
    X(COMPLETED)                                                                                   \
    X(TERMINATED)

#define ZSIP_TXN_SERVER_EVENT_MAP(X)                                                               \
    X(REQUEST, "request, or a copy of it")                                                         \
    X(TU_100, "100 from the TU")                                                                   \
    X(TU_FINAL, "200-699 from the TU")                                                             \
    X(TIMER_P, "timer P: a client's E is at T2")                                                   \
    X(TIMER_U, "timer U: never answered")                                                          \
    X(TIMER_J, "timer J")                                                                          \
    X(ERROR, "response not sent")

/* clang-format off */
#define ZSIP_TXN_SERVER_MAP(X)                                                                     \
    X(NEW, REQUEST, ANY, ROW, TRYING, PASS_REQUEST | A(START_P) | A(START_U), "17.2.2")            \
    X(NEW, TU_100, ANY, CANT, NEW, NONE, "the TU has no request yet")                              \
    X(NEW, TU_FINAL, ANY, CANT, NEW, NONE, "the TU has no request yet")                            \
    X(NEW, TIMER_P, ANY, CANT, NEW, NONE, "not set")                                               \
    X(NEW, TIMER_U, ANY, CANT, NEW, NONE, "not set")                                               \
    X(NEW, TIMER_J, ANY, CANT, NEW, NONE, "not set")                                               \
    X(NEW, ERROR, ANY, CANT, NEW, NONE, "nothing was sent")                                        \
    X(TRYING, REQUEST, ANY, IGNORE, TRYING, COUNT, "17.2.2: copies are dropped in Trying")         \
    X(TRYING, TU_100, UNRELIABLE, IGNORE, TRYING, NONE,                                            \
      "RFC 4320 4.1: no 100 before timer P, which sends it")                                       \
    X(TRYING, TU_100, RELIABLE, ROW, PROCEEDING, SEND_100, "RFC 4320 4.1: MAY, at any time")       \
    X(TRYING, TU_FINAL, UNRELIABLE, ROW, COMPLETED, SEND_FINAL | A(START_J), "17.2.2")             \
    X(TRYING, TU_FINAL, RELIABLE, ROW, TERMINATED, SEND_FINAL | A(FREE), "17.2.2: timer J is 0")   \
    X(TRYING, TIMER_P, ANY, ROW, PROCEEDING, SEND_100, "RFC 4320 4.1: MUST, on every transport")   \
    X(TRYING, TIMER_U, ANY, ROW, TERMINATED, FREE, "RFC 4320 4.2: no 408, nothing is sent")        \
    X(TRYING, TIMER_J, ANY, CANT, TRYING, NONE, "not set")                                         \
    X(TRYING, ERROR, ANY, IGNORE, TRYING, NONE, "nothing was sent: another's error")               \
    X(PROCEEDING, REQUEST, ANY, ROW, PROCEEDING, SEND_100,                                         \
      "17.2.2: the latest provisional again")                                                      \
    X(PROCEEDING, TU_100, ANY, ROW, PROCEEDING, SEND_100,                                          \
      "17.2.2: further provisionals are sent")                                                     \
    X(PROCEEDING, TU_FINAL, UNRELIABLE, ROW, COMPLETED, SEND_FINAL | A(START_J), "17.2.2")         \
    X(PROCEEDING, TU_FINAL, RELIABLE, ROW, TERMINATED, SEND_FINAL | A(FREE),                       \
      "17.2.2: timer J is 0")                                                                      \
    X(PROCEEDING, TIMER_P, UNRELIABLE, CANT, PROCEEDING, NONE, "it led here")                      \
    X(PROCEEDING, TIMER_P, RELIABLE, IGNORE, PROCEEDING, NONE, "the TU sent its 100 early")        \
    X(PROCEEDING, TIMER_U, ANY, ROW, TERMINATED, FREE, "RFC 4320 4.2: no 408, nothing is sent")    \
    X(PROCEEDING, TIMER_J, ANY, CANT, PROCEEDING, NONE, "not set")                                 \
    X(PROCEEDING, ERROR, ANY, ROW, PROCEEDING, PASS_ERROR, "RFC 6026 8.8: stay, tell the TU")      \
    X(COMPLETED, REQUEST, UNRELIABLE, ROW, COMPLETED, SEND_FINAL, "17.2.2")                        \
    X(COMPLETED, REQUEST, RELIABLE, CANT, COMPLETED, NONE, "timer J is 0: no such state")          \
    X(COMPLETED, TU_100, UNRELIABLE, IGNORE, COMPLETED, COUNT, "late: the handle is stale")        \
    X(COMPLETED, TU_100, RELIABLE, CANT, COMPLETED, NONE, "timer J is 0: no such state")           \
    X(COMPLETED, TU_FINAL, UNRELIABLE, IGNORE, COMPLETED, COUNT,                                   \
      "17.2.2: further finals are dropped")                                                        \
    X(COMPLETED, TU_FINAL, RELIABLE, CANT, COMPLETED, NONE, "timer J is 0: no such state")         \
    X(COMPLETED, TIMER_P, ANY, CANT, COMPLETED, NONE, "unlinked")                                  \
    X(COMPLETED, TIMER_U, ANY, CANT, COMPLETED, NONE, "unlinked")                                  \
    X(COMPLETED, TIMER_J, UNRELIABLE, ROW, TERMINATED, FREE, "17.2.2")                             \
    X(COMPLETED, TIMER_J, RELIABLE, CANT, COMPLETED, NONE, "timer J is 0: no such state")          \
    X(COMPLETED, ERROR, UNRELIABLE, ROW, COMPLETED, PASS_ERROR,                                    \
      "RFC 6026 8.8: stay, tell the TU")                                                           \
    X(COMPLETED, ERROR, RELIABLE, CANT, COMPLETED, NONE, "timer J is 0: no such state")            \
    X(TERMINATED, REQUEST, ANY, CANT, TERMINATED, NONE, "absent: the next copy is a new request")  \
    X(TERMINATED, TU_100, ANY, IGNORE, TERMINATED, COUNT, "late: the handle is stale")             \
    X(TERMINATED, TU_FINAL, ANY, IGNORE, TERMINATED, COUNT, "RFC 4320 4.2: no late responses")     \
    X(TERMINATED, TIMER_P, ANY, CANT, TERMINATED, NONE, "unlinked")                                \
    X(TERMINATED, TIMER_U, ANY, CANT, TERMINATED, NONE, "unlinked")                                \
    X(TERMINATED, TIMER_J, ANY, CANT, TERMINATED, NONE, "popped")                                  \
    X(TERMINATED, ERROR, ANY, ROW, TERMINATED, PASS_ERROR, "RFC 6026 8.8: tell the TU")
/* clang-format on */

/* ---- The executor --------------------------------------------------------------------------- */

enum zsip_txn_client_state {
#define X(name) ZSIP_TXN_CLIENT_##name,
    ZSIP_TXN_CLIENT_STATE_MAP(X)
#undef X
        ZSIP_TXN_CLIENT_STATE_COUNT
};

enum zsip_txn_client_input {
#define X(name, text) ZSIP_TXN_CLIENT_ON_##name,
    ZSIP_TXN_CLIENT_EVENT_MAP(X)
#undef X
        ZSIP_TXN_CLIENT_EVENT_COUNT
};

enum zsip_txn_server_state {
#define X(name) ZSIP_TXN_SERVER_##name,
    ZSIP_TXN_SERVER_STATE_MAP(X)
#undef X
        ZSIP_TXN_SERVER_STATE_COUNT
};

enum zsip_txn_server_input {
#define X(name, text) ZSIP_TXN_SERVER_ON_##name,
    ZSIP_TXN_SERVER_EVENT_MAP(X)
#undef X
        ZSIP_TXN_SERVER_EVENT_COUNT
};

enum zsip_txn_cell_kind {
    ZSIP_TXN_CELL_UNWRITTEN, /* a hole in a map: a test fails */
    ZSIP_TXN_CELL_ROW,
    ZSIP_TXN_CELL_IGNORE,
    ZSIP_TXN_CELL_CANT,
};

struct zsip_txn_cell {
    uint8_t kind; /* enum zsip_txn_cell_kind */
    uint8_t next;
    uint16_t actions; /* of enum zsip_txn_action */
};

/* [state][event][reliable] */
extern const struct zsip_txn_cell zsip_txn_client_cells[ZSIP_TXN_CLIENT_STATE_COUNT]
                                                       [ZSIP_TXN_CLIENT_EVENT_COUNT][2];
extern const struct zsip_txn_cell zsip_txn_server_cells[ZSIP_TXN_SERVER_STATE_COUNT]
                                                       [ZSIP_TXN_SERVER_EVENT_COUNT][2];

static inline struct zsip_txn_cell zsip_txn_client_step(unsigned state, unsigned event,
                                                        bool reliable)
{
    const struct zsip_txn_cell cell = zsip_txn_client_cells[state][event][reliable];
    ZSIP_ASSERT(cell.kind == ZSIP_TXN_CELL_ROW || cell.kind == ZSIP_TXN_CELL_IGNORE);
    return cell;
}

static inline struct zsip_txn_cell zsip_txn_server_step(unsigned state, unsigned event,
                                                        bool reliable)
{
    const struct zsip_txn_cell cell = zsip_txn_server_cells[state][event][reliable];
    ZSIP_ASSERT(cell.kind == ZSIP_TXN_CELL_ROW || cell.kind == ZSIP_TXN_CELL_IGNORE);
    return cell;
}

#endif
