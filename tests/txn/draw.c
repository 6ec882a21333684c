/* Prints the state tables of the transaction room: as a listing of all cells, or as a picture for
 * Graphviz.
 *
 *     draw cells      every (state, event, over), what happens and why
 *     draw client     the client machine, as dot
 *     draw server     the server machine, as dot
 *
 * SPDX-License-Identifier: MIT */
#include "txn/machine.h"

#include <stdio.h>
#include <string.h>

static const char *const client_states[] = {
#define X(name) #name,
    ZSIP_TXN_CLIENT_STATE_MAP(X)
#undef X
};
static const char *const client_events[] = {
#define X(name, text) #name,
    ZSIP_TXN_CLIENT_EVENT_MAP(X)
#undef X
};
static const char *const client_texts[] = {
#define X(name, text) text,
    ZSIP_TXN_CLIENT_EVENT_MAP(X)
#undef X
};
static const char *const server_states[] = {
#define X(name) #name,
    ZSIP_TXN_SERVER_STATE_MAP(X)
#undef X
};
static const char *const server_events[] = {
#define X(name, text) #name,
    ZSIP_TXN_SERVER_EVENT_MAP(X)
#undef X
};
static const char *const server_texts[] = {
#define X(name, text) text,
    ZSIP_TXN_SERVER_EVENT_MAP(X)
#undef X
};
static const char *const actions[] = {
#define X(name, text) #name,
    ZSIP_TXN_ACTION_MAP(X)
#undef X
};

struct machine {
    const char *name;
    const char *const *states;
    const char *const *events;
    const char *const *texts;
    unsigned state_count, event_count;
    const struct zsip_txn_cell *cells; /* [state][event][reliable] */
};

static const struct machine machines[] = {
    {"client", client_states, client_events, client_texts, ZSIP_TXN_CLIENT_STATE_COUNT,
     ZSIP_TXN_CLIENT_EVENT_COUNT, &zsip_txn_client_cells[0][0][0]},
    {"server", server_states, server_events, server_texts, ZSIP_TXN_SERVER_STATE_COUNT,
     ZSIP_TXN_SERVER_EVENT_COUNT, &zsip_txn_server_cells[0][0][0]},
};

static struct zsip_txn_cell cell_of(const struct machine *machine, unsigned state, unsigned event,
                                    unsigned reliable)
{
    return machine->cells[(state * machine->event_count + event) * 2 + reliable];
}

static void print_actions(unsigned bits, const char *between)
{
    const char *separator = "";
    for (unsigned i = 0; i < ZSIP_TXN_ACTION_COUNT; i++) {
        if (bits >> i & 1) {
            printf("%s%s", separator, actions[i]);
            separator = between;
        }
    }
}

static void print_cells(const struct machine *machine)
{
    static const char *const kinds[] = {"UNWRITTEN", "ROW", "IGNORE", "CANT"};
    static const char *const over[] = {"unreliable", "reliable"};
    for (unsigned state = 0; state < machine->state_count; state++) {
        for (unsigned event = 0; event < machine->event_count; event++) {
            for (unsigned reliable = 0; reliable < 2; reliable++) {
                const struct zsip_txn_cell cell = cell_of(machine, state, event, reliable);
                printf("%s %-11s %-11s %-10s %s", machine->name, machine->states[state],
                       machine->events[event], over[reliable], kinds[cell.kind]);
                if (cell.kind == ZSIP_TXN_CELL_ROW)
                    printf(" -> %s", machine->states[cell.next]);
                if (cell.actions) {
                    printf(" : ");
                    print_actions(cell.actions, " ");
                }
                printf("\n");
            }
        }
    }
}

static void print_edge(const struct machine *machine, unsigned state, unsigned event,
                       struct zsip_txn_cell cell, const char *note)
{
    printf("    %s -> %s [label=\"  %s%s  \\n", machine->states[state], machine->states[cell.next],
           machine->texts[event], note);
    print_actions(cell.actions, "\\n");
    printf("\"];\n");
}

static void print_dot(const struct machine *machine)
{
    printf("// Written by tests/txn/draw.py from txn/machine.h; not to be edited.\n");
    printf("digraph %s {\n    rankdir=TB;\n", machine->name);
    printf("    node [shape=box, style=rounded, fontname=\"Helvetica\"];\n");
    printf("    edge [fontname=\"Helvetica\", fontsize=9];\n");
    for (unsigned state = 0; state < machine->state_count; state++)
        printf("    %s;\n", machine->states[state]);
    for (unsigned state = 0; state < machine->state_count; state++) {
        for (unsigned event = 0; event < machine->event_count; event++) {
            const struct zsip_txn_cell udp = cell_of(machine, state, event, 0);
            const struct zsip_txn_cell tcp = cell_of(machine, state, event, 1);
            if (memcmp(&udp, &tcp, sizeof(udp)) == 0) {
                if (udp.kind == ZSIP_TXN_CELL_ROW)
                    print_edge(machine, state, event, udp, "");
                continue;
            }
            if (udp.kind == ZSIP_TXN_CELL_ROW)
                print_edge(machine, state, event, udp, " (unreliable)");
            if (tcp.kind == ZSIP_TXN_CELL_ROW)
                print_edge(machine, state, event, tcp, " (reliable)");
        }
    }
    printf("}\n");
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "cells") == 0) {
        for (unsigned i = 0; i < 2; i++)
            print_cells(&machines[i]);
        return 0;
    }
    for (unsigned i = 0; i < 2; i++) {
        if (argc == 2 && strcmp(argv[1], machines[i].name) == 0) {
            print_dot(&machines[i]);
            return 0;
        }
    }
    fprintf(stderr, "usage: draw cells|client|server\n");
    return 64;
}
