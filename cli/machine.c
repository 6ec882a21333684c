/* Options about the machine that several subcommands share. */
#include "machine.h"

void cli_machine_init(struct cli_machine *machine, uint32_t workers_max)
{
    struct zsip_worker_config worker;

    zsip_worker_config_init(&worker);
    *machine = (struct cli_machine){
        .t1_ns = worker.endpoint.t1_ns,
        .workers = 1,
        .workers_max = workers_max,
        .spin_us = worker.spin_us,
        .socket_buffer_bytes = worker.socket_buffer_bytes,
    };
}

bool cli_machine_option(int id, const char *value, struct cli_machine *machine)
{
    uint64_t number;

    switch (id) {
    case CLI_MACHINE_T1:
        if (!cli_value_number("--t1", value, 1, 60000, &number))
            return false;
        machine->t1_ns = number * ZSIP_NS_PER_MS;
        return true;
    case CLI_MACHINE_WORKERS:
        return cli_value_narrow("--workers", value, 1, machine->workers_max, &machine->workers);
    case CLI_MACHINE_PIN:
        return cli_value_cpus("--pin", value, &machine->cpus);
    case CLI_MACHINE_SPIN_US:
        return cli_value_narrow("--spin-us", value, 0, 1000000, &machine->spin_us);
    case CLI_MACHINE_RCVBUF:
        if (!cli_value_bytes("--rcvbuf", value, 4096, 1 << 30, &number))
            return false;
        machine->socket_buffer_bytes = (uint32_t)number;
        return true;
    case CLI_MACHINE_WITHOUT:
        return cli_value_without("--without", value, &machine->without);
    default:
        ZSIP_ASSERT(id == CLI_MACHINE_NO_TRAINS);
        machine->without |= ZSIP_FEATURE_GRO | ZSIP_FEATURE_GSO;
        return true;
    }
}
