/* zsip serve under a service manager: what it hands over, and what it wants to hear. Both are tiny
 * protocols of the environment (sd_listen_fds(3), sd_notify(3)), so no library is asked for. */
#ifndef ZSIP_CLI_SERVICE_H
#define ZSIP_CLI_SERVICE_H

#include <stdbool.h>

/* Sockets that were handed over to this process: descriptors *first .. *first + *count. Forgets
 * them in the environment, so that no child takes them for its own. false: what the environment
 * says makes no sense, which is said on stderr. */
bool service_sockets(int *first, unsigned *count);

/* Tells the service manager, if there is one: "READY=1", "STOPPING=1", "STATUS=...", lines of the
 * form NAME=VALUE. What goes wrong is of no matter to the service and not told. */
void service_notify(const char *state);

#endif
