/* sofia-sip's transaction engine (nta) as a stateless server: every request gets 200.
 * usage: peer-sofia ADDRESS PORT */
#include <signal.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/nta_stateless.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/su_wait.h>
#include <stdio.h>

static int on_message(nta_agent_magic_t *magic, nta_agent_t *agent, msg_t *msg, sip_t *sip)
{
    (void)magic;
    if (sip->sip_request != NULL)
        return nta_msg_treply(agent, msg, SIP_200_OK, TAG_END());
    nta_msg_discard(agent, msg);
    return 0;
}

int main(int argc, char **argv)
{
    char url[128];
    if (argc != 3) {
        fprintf(stderr, "usage: peer-sofia ADDRESS PORT\n");
        return 64;
    }
    signal(SIGINT, SIG_DFL);
    su_init();
    su_root_t *root = su_root_create(NULL);
    snprintf(url, sizeof(url), "sip:%s:%s;transport=udp", argv[1], argv[2]);
    nta_agent_t *agent =
        nta_agent_create(root, URL_STRING_MAKE(url), on_message, NULL, NTATAG_UA(0), TAG_END());
    if (agent == NULL) {
        fprintf(stderr, "peer-sofia: can't listen on %s\n", url);
        return 1;
    }
    su_root_run(root);
    return 0;
}
