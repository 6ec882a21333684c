/* Peers that follow a script, and write what no endpoint of ours would: requests of every kind over
 * and over, by two ways, with CANCELs and ACKs, with and without the cookie; and as servers,
 * provisional answers, none, several, and such as have to be passed over. */
#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Something to be sent, once or several times. */
struct shot {
    struct zsip_path path;
    struct zsip_address source;
    struct look look;
    unsigned references; /* sends still planned */
    uint32_t bytes;
    char data[];
};

#define TEXT_BYTES 4096

static void shoot(struct node *node, const struct shot *shot)
{
    network_send(node, &(struct message){.path = &shot->path,
                                         .source = &shot->source,
                                         .look = &shot->look,
                                         .data = (const uint8_t *)shot->data,
                                         .bytes = shot->bytes});
}

void raw_event(struct node *node, const struct event *event)
{
    struct shot *shot = event->pointer;
    shoot(node, shot);
    if (--shot->references == 0)
        free(shot);
}

static struct shot *shot_make(const struct zsip_path *path, const struct zsip_address *source,
                              const char *text, uint32_t bytes)
{
    struct shot *shot = malloc(sizeof(*shot) + bytes);
    if (shot == NULL)
        abort();
    *shot = (struct shot){.path = *path, .source = *source, .bytes = bytes};
    memcpy(shot->data, text, bytes);
    look_at(&shot->look, (const uint8_t *)shot->data, bytes);
    return shot;
}

static void shot_plan(struct node *node, struct shot *shot, uint64_t delay)
{
    shot->references++;
    world_plan(node->world, node->world->now_ns + delay, EVENT_RAW, node, 0, shot);
}

/* ---- Requests -------------------------------------------------------------------------------- */

struct script {
    const char *method;
    const char *uri;
    const char *extra; /* lines */
    const char *body;
    char branch[BRANCH_MAX];
    char sent_by[64];
    uint64_t id; /* Call-ID and From tag */
    unsigned cseq;
    bool cookie;
    bool rport;
    bool compact;
    bool second_via;
    bool to_tag;
    struct zsip_address source;
};

__attribute__((format(printf, 3, 4))) static void add(char *text, size_t *at, const char *format,
                                                      ...)
{
    va_list args;
    va_start(args, format);
    *at += (size_t)vsnprintf(text + *at, TEXT_BYTES - *at, format, args);
    va_end(args);
}

static size_t script_write(const struct script *script, bool reliable, char *text)
{
    size_t at = 0;
    bool compact = script->compact;
    add(text, &at, "%s %s SIP/2.0\r\n", script->method, script->uri);
    add(text, &at, "%s: SIP/2.0/%s %s", compact ? "v" : "Via", reliable ? "TCP" : "UDP",
        script->sent_by);
    if (script->branch[0] != 0)
        add(text, &at, ";branch=%s%s", script->cookie ? "z9hG4bK" : "", script->branch);
    add(text, &at, "%s\r\n", script->rport ? ";rport" : "");
    if (script->second_via)
        add(text, &at, "Via: SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKbelow;received=1.2.3.4\r\n");
    add(text, &at, "%s: <sip:raw@example.com>;tag=f%llx\r\n", compact ? "f" : "From",
        (unsigned long long)script->id);
    add(text, &at, "%s: <sip:you@example.com>%s\r\n", compact ? "t" : "To",
        script->to_tag ? ";tag=there" : "");
    add(text, &at, "%s: c%llx\r\n", compact ? "i" : "Call-ID", (unsigned long long)script->id);
    add(text, &at, "CSeq: %u %s\r\nMax-Forwards: 70\r\n%s", script->cseq, script->method,
        script->extra);
    if (script->body[0] != 0 && strstr(script->extra, "Content-Type") == NULL)
        add(text, &at, "Content-Type: text/plain\r\n");
    add(text, &at, "%s: %zu\r\n\r\n%s", compact ? "l" : "Content-Length", strlen(script->body),
        script->body);
    return at;
}

static void copies(struct node *node, struct shot *shot, const struct node *server)
{
    struct random *random = &node->world->random;
    uint64_t f = server->f_ns != 0 ? server->f_ns : 32 * S;
    uint64_t t1 = f / 64, at = 0;
    unsigned count = (unsigned)random_below(random, 6);
    switch (random_below(random, 5)) {
    case 0: /* once */
        break;
    case 1: /* as RFC 3261 has it */
        for (unsigned i = 0; i < count + 4; i++) {
            at = at * 2 + t1 < at + 8 * t1 ? at * 2 + t1 : at + 8 * t1;
            shot_plan(node, shot, at);
        }
        break;
    case 2: /* all at once */
        for (unsigned i = 0; i < count; i++)
            shot_plan(node, shot, random_below(random, 10 * MS));
        break;
    case 3: /* around the end of Timer J */
        shot_plan(node, shot, f - 1 * MS);
        shot_plan(node, shot, f - 1);
        shot_plan(node, shot, f);
        shot_plan(node, shot, f + 1 * MS);
        shot_plan(node, shot, f + f / 128 + 1 * MS);
        break;
    default:
        for (unsigned i = 0; i < count; i++)
            shot_plan(node, shot, random_below(random, f + f / 4));
        break;
    }
}

/* Sends one request of a script, and its copies. */
static void send_script(struct node *node, const struct script *script, const struct node *server,
                        uint64_t delay)
{
    char text[TEXT_BYTES];
    struct random *random = &node->world->random;
    bool reliable = random_chance(random, node->world->reliable / 2);
    uint32_t bytes = (uint32_t)script_write(script, reliable, text);
    struct zsip_path path = {.remote = server->inside,
                             .transport = reliable ? ZSIP_TRANSPORT_TCP : ZSIP_TRANSPORT_UDP,
                             .flags = reliable ? ZSIP_PATH_RELIABLE : 0,
                             .flow = reliable ? 7 : 3};
    struct shot *shot = shot_make(&path, &script->source, text, bytes);
    node->world->transactions++;
    shot_plan(node, shot, delay);
    copies(node, shot, server);
    if (random_chance(random, 100)) { /* the same, from behind a NAT that forgot us */
        struct shot *moved = shot_make(&path, &script->source, text, bytes);
        moved->source.port = (uint16_t)random_range(random, 1024, 60000);
        shot_plan(node, moved, delay + random_below(random, 40 * S));
    }
}

static void script_branch(struct node *node, struct script *script)
{
    snprintf(script->branch, sizeof(script->branch), "r%u-%llx", node->index,
             (unsigned long long)++node->world->ids);
}

static void script_choose(struct node *node, struct script *script)
{
    static const char *const methods[] = {"MESSAGE",  "MESSAGE", "MESSAGE", "OPTIONS",
                                          "REGISTER", "FOO",     "BYE",     "BAR"};
    static const char *const uris[] = {"sip:u1@10.0.0.1",     "sip:u1@10.0.0.1", "sip:u1@10.0.0.1",
                                       "sips:u1@example.com", "tel:+358555",     "http://example/"};
    static const char *const extras[] = {"",
                                         "",
                                         "",
                                         "Timestamp: 54\r\n",
                                         "Require: magic, 100rel\r\n",
                                         "Content-Type: application/x\r\n",
                                         "Content-Type: image/png\r\n",
                                         "Supported: path\r\nUser-Agent: raw\r\n"};
    struct random *random = &node->world->random;
    *script = (struct script){.method = methods[random_below(random, 8)],
                              .uri = uris[random_below(random, 6)],
                              .extra = extras[random_below(random, 8)],
                              .body = random_chance(random, 500) ? "hello" : "",
                              .id = ++node->world->ids << 20 | random_below(random, 1 << 20),
                              .cseq = (unsigned)random_below(random, 1000) + 1,
                              .cookie = !random_chance(random, 150),
                              .rport = random_chance(random, 500),
                              .compact = random_chance(random, 200),
                              .second_via = random_chance(random, 200),
                              .to_tag = random_chance(random, 100),
                              .source = node->inside};
    unsigned host = (unsigned)random_below(random, 4);
    if (host == 0)
        snprintf(script->sent_by, sizeof(script->sent_by), "Raw%u.example", node->index);
    else
        snprintf(script->sent_by, sizeof(script->sent_by), "10.%u.0.1%s", node->index,
                 host == 1   ? ""
                 : host == 2 ? ":5060"
                             : ":7777");
    script_branch(node, script);
    if (!script->cookie && random_chance(random, 300))
        script->branch[0] = 0;
}

/* The same request by other ways: new branches, the last of them late. */
static void fork_script(struct node *node, struct script script, const struct node *server)
{
    struct random *random = &node->world->random;
    unsigned ways = random_chance(random, 200) ? 12 : (unsigned)random_range(random, 2, 4);
    for (unsigned i = 0; i < ways; i++) {
        if (random_chance(random, 700))
            script_branch(node, &script);
        else
            snprintf(script.sent_by, sizeof(script.sent_by), "hop%u.example", i);
        script.source = random_chance(random, 500) ? node->inside : node->second;
        send_script(
            node, &script, server,
            random_below(random, random_chance(random, 500) ? 20 * MS : server->f_ns + 1 * S));
    }
}

static void cancel_script(struct node *node, struct script script, const struct node *server)
{
    struct random *random = &node->world->random;
    if (random_chance(random, 300))
        script_branch(node, &script);
    script.method = random_chance(random, 700) ? "CANCEL" : "ACK";
    script.extra = script.body = "";
    send_script(node, &script, server, random_below(random, 2 * S));
}

/* What differs in one thing that matters, or in one that does not. */
static void twist_script(struct node *node, struct script script, const struct node *server)
{
    struct random *random = &node->world->random;
    uint64_t delay = random_below(random, 5 * S);
    switch (random_below(random, 6)) {
    case 0:
        if (strcmp(script.method, "FOO") == 0 || strcmp(script.method, "BAR") == 0)
            script.method = script.method[0] == 'F' ? "BAR" : "FOO";
        else
            script.method = strcmp(script.method, "MESSAGE") == 0 ? "OPTIONS" : "MESSAGE";
        break;
    case 1:
        script.cseq++;
        break;
    case 2:
        script.id++;
        break;
    case 3: /* hosts compare without regard to case (section 19.1.4) */
        for (char *c = script.sent_by; *c != 0; c++)
            *c = *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c;
        break;
    case 4:
        script.method = "INVITE";
        break;
    default:
        script.to_tag = !script.to_tag;
        break;
    }
    send_script(node, &script, server, delay);
}

void raw_traffic(struct node *node)
{
    struct world *world = node->world;
    struct random *random = &world->random;
    struct script script;
    struct node *server = NULL;
    for (unsigned tries = 0; tries < 8 && server == NULL; tries++) {
        struct node *other = &world->nodes[random_below(random, world->node_count)];
        server = other->zsip && !other->nat ? other : NULL;
    }
    if (server == NULL)
        return;
    script_choose(node, &script);
    send_script(node, &script, server, 0);
    if (random_chance(random, 250))
        fork_script(node, script, server);
    if (random_chance(random, 200))
        cancel_script(node, script, server);
    if (random_chance(random, 250))
        twist_script(node, script, server);
    if (random_chance(random, 20)) {
        struct zsip_path path = {.remote = server->inside, .transport = ZSIP_TRANSPORT_UDP};
        shot_plan(node, shot_make(&path, &node->inside, "\r\n\r\n", 4), 0);
    }
}

/* ---- Answers --------------------------------------------------------------------------------- */

enum flaw {
    FLAWLESS,
    TWO_VIAS,
    OTHER_METHOD,
    OTHER_HOST,
    OTHER_BRANCH,
};

static size_t answer_write(const struct packet *request, unsigned status, enum flaw flaw,
                           unsigned tag, char *text)
{
    size_t at = 0;
    uint32_t from = 0;
    struct span line;
    add(text, &at, "SIP/2.0 %u Whatever\r\n", status);
    line_next(request->data, request->bytes, &from, &line);
    while (line_next(request->data, request->bytes, &from, &line)) {
        char kind = line_repeated(request->data, line);
        if (kind == 0 || line.length > 400 || at > 3000)
            continue;
        const char *begin = (const char *)request->data + line.at;
        if (kind == 'v' && flaw == TWO_VIAS)
            add(text, &at, "%.*s\r\n", (int)line.length, begin);
        if (kind == 'c' && flaw == OTHER_METHOD)
            add(text, &at, "CSeq: %u BYE", request->look.cseq);
        else
            add(text, &at, "%.*s", (int)line.length, begin);
        if (kind == 'v' && flaw == OTHER_BRANCH)
            text[at - 10] ^= 1;
        if (kind == 'v' && flaw == OTHER_HOST) {
            char *host = strstr(text, "UDP ");
            host = host != NULL ? host : strstr(text, "TCP ");
            if (host != NULL)
                host[4] = 'q';
        }
        add(text, &at, "%s", kind == 't' && !request->look.to_tag_present ? ";tag=raw" : "");
        if (kind == 't' && tag > 0)
            add(text, &at, "%u", tag);
        add(text, &at, "\r\n");
    }
    add(text, &at, "Content-Length: 0\r\n\r\n");
    return at;
}

static void answer(struct node *node, const struct packet *request, unsigned status, enum flaw flaw,
                   uint64_t delay)
{
    char text[TEXT_BYTES];
    size_t bytes = answer_write(request, status, flaw, status, text);
    struct shot *shot = shot_make(&request->path, &request->path.local, text, (uint32_t)bytes);
    shot_plan(node, shot, delay);
}

static void answer_flawed(struct node *node, const struct packet *request)
{
    struct random *random = &node->world->random;
    answer(node, request, 200, (enum flaw)random_range(random, TWO_VIAS, OTHER_BRANCH), 0);
    if (random_chance(random, 300))
        answer(node, request, 202, FLAWLESS, random_below(random, 3 * S));
}

/* How this request is treated, each copy of it alike. */
static void answer_all(struct node *node, const struct packet *request)
{
    struct random *random = &node->world->random;
    switch (request->look.branch_hash % 12) {
    case 0:
        answer(node, request, 100, FLAWLESS, random_below(random, 700 * MS));
        answer(node, request, 200, FLAWLESS, random_below(random, 30 * S));
        break;
    case 1:
        answer(node, request, 180, FLAWLESS, 0);
        answer(node, request, 183, FLAWLESS, random_below(random, 10 * S));
        break;
    case 2:
        answer(node, request, 486, FLAWLESS, random_below(random, 2 * S));
        break;
    case 3: /* never */
        break;
    case 4: /* a fork behind us that lets two finals through */
        answer(node, request, 200, FLAWLESS, 0);
        answer(node, request, 404, FLAWLESS, random_below(random, 100 * MS));
        break;
    case 5:
        answer_flawed(node, request);
        break;
    case 6:
        answer(node, request, 200, FLAWLESS, random_below(random, 40 * S));
        break;
    case 7:
        answer(node, request, 199, FLAWLESS, random_below(random, 40 * S));
        break;
    default:
        answer(node, request, 200, FLAWLESS, 0);
        break;
    }
}

static void check_ours(struct node *node, const struct packet *packet)
{
    char ours[16];
    int length = snprintf(ours, sizeof(ours), "r%u-", node->index);
    const struct look *look = &packet->look;
    const uint8_t *branch = packet->data + look->branch.at + (look->cookie ? 7 : 0);
    if (node->world->damage == 0 && look->ok && look->branch.length > 0 &&
        memcmp(branch, ours, (size_t)length) != 0)
        fail(node->world, "peer %u is sent another's answer:\n%.*s", node->index,
             (int)packet->bytes, (const char *)packet->data);
}

void raw_arrive(struct node *node, struct packet *packet)
{
    if (packet->look.ok && packet->look.request && packet->damage < BROKEN)
        answer_all(node, packet);
    else if (packet->look.ok && !packet->look.request)
        check_ours(node, packet);
    packet_drop(node->world, packet);
}
