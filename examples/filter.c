/* A content filter: a pool of threads looks at each text, and answers 200 or 403 when it is done.
 * The worker's thread holds the request and goes on; the answer comes back to it as a post.
 *
 *     cc filter.c $(pkg-config --cflags --libs zsip) -pthread -o filter
 *     ./filter 127.0.0.1:5083 casino                         where, and the word nobody wants
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include <zsip/zsip.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 4

struct job {
    uint64_t handle;
    unsigned status;
    size_t bytes;
    char text[];
};

static struct zsip_worker *worker;
static const char *unwanted;
static int jobs[2]; /* a pipe of pointers: bounded by the kernel, read by whoever is free */

/* On the worker's thread. A handle that has ended meanwhile (64*T1) is a status, and no harm. */
static void answer(void *argument, struct zsip_worker *self, struct zsip_time now)
{
    struct job *job = argument;
    struct zsip_response response = {.struct_bytes = sizeof(response),
                                     .status = (uint16_t)job->status};
    zsip_endpoint_respond(zsip_worker_endpoint(self), job->handle, &response, now);
    free(job);
}

static void *judge(void *unused)
{
    void *taken;
    (void)unused;
    while (read(jobs[0], &taken, sizeof(taken)) == sizeof(taken)) {
        struct job *job = taken;
        usleep(2000); /* stands for real work */
        job->status = memmem(job->text, job->bytes, unwanted, strlen(unwanted)) ? 403 : 200;
        while (zsip_worker_post(worker, answer, job) == ZSIP_ERROR_FULL)
            usleep(1000);
    }
    return NULL;
}

/* What the body says lives until this returns, so the job has a copy. */
static void on_request(void *user, struct zsip_endpoint *endpoint, const struct zsip_incoming *in)
{
    struct zsip_view body = zsip_msg_body(in->msg);
    struct job *job = malloc(sizeof(*job) + body.length);
    (void)user;
    if (job == NULL || zsip_endpoint_hold(endpoint, in->handle, &job->handle) != ZSIP_OK) {
        free(job); /* zsip answers 500, or 503 where its pool is full */
        return;
    }
    void *given = job;
    job->bytes = body.length;
    memcpy(job->text, body.data, body.length);
    if (write(jobs[1], &given, sizeof(given)) != sizeof(given)) {
        job->status = 503; /* the pool is behind */
        answer(job, worker, in->now);
    }
}

int main(int argc, char **argv)
{
    char error[256];
    pthread_t thread;
    struct zsip_address address;
    struct zsip_worker_config config;
    if (argc != 3 || zsip_address_parse(argv[1], 5060, &address) != ZSIP_OK || pipe(jobs) != 0)
        return fprintf(stderr, "usage: filter ADDRESS:PORT WORD\n"), 64;
    unwanted = argv[2];
    fcntl(jobs[1], F_SETFL, O_NONBLOCK);
    zsip_worker_config_init(&config);
    config.endpoint.callbacks.request = on_request;
    if (zsip_worker_create(&config, &worker, error, sizeof(error)) != ZSIP_OK ||
        zsip_worker_listen(worker, ZSIP_TRANSPORT_UDP, &address, 0, NULL, error, sizeof(error)) !=
            ZSIP_OK)
        return fprintf(stderr, "filter: %s\n", error), 1;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&thread, NULL, judge, NULL);
    return zsip_worker_run(worker) == ZSIP_OK ? 0 : 1;
}
