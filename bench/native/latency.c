/* How long answers take at a steady rate.
 *
 * latency PORT RATE SECONDS QUERIES > samples
 *
 * Asks 127.0.0.1:PORT the queries of the file QUERIES (each: two octets of length, then a DNS message) in turn, RATE a second,
 * and does not wait for answers before it asks on: a server that stalls for a second delays RATE queries, and each of
 * them counts. An answer's time is the kernel's time stamp of its arrival, so this program's own waking up is not measured.
 * Ends after SECONDS or at SIGTERM, waits up to two more seconds for late answers, then writes one line a query:
 * "<send time, CLOCK_REALTIME ns> <latency ns, or -1 for no answer>".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MAX_QUERIES = 65536, SECOND = 1000000000, PATIENCE = 2 };

static unsigned char *queries[MAX_QUERIES];
static size_t sizes[MAX_QUERIES];
static size_t query_count;
static int64_t *sent_at, *took;
static int64_t total, unanswered;
static volatile sig_atomic_t stopping;

static void stop(int number)
{
    (void)number;
    stopping = 1;
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

static void load(const char *path)
{
    FILE *file = fopen(path, "rb");
    unsigned char length[2];
    if (!file) {
        perror("latency: queries");
        exit(1);
    }
    while (query_count < MAX_QUERIES && fread(length, 1, 2, file) == 2) {
        size_t size = (size_t)length[0] << 8 | length[1];
        unsigned char *query = malloc(size);
        if (size < 12 || !query || fread(query, 1, size, file) != size) {
            fprintf(stderr, "latency: %s is cut short\n", path);
            exit(1);
        }
        queries[query_count] = query;
        sizes[query_count++] = size;
    }
    fclose(file);
    if (!query_count) {
        fprintf(stderr, "latency: %s holds no query\n", path);
        exit(1);
    }
}

/* The DNS ID holds the low 16 bits of a query's number; the newest query with these bits is meant. */
static void receive(int sock, int64_t asked)
{
    unsigned char packet[1536], control[128];
    struct iovec span = {packet, sizeof packet};
    for (;;) {
        struct msghdr message = {
            .msg_iov = &span, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        ssize_t got = recvmsg(sock, &message, MSG_DONTWAIT);
        if (got < 0 && errno == ECONNREFUSED)
            continue;
        if (got < 12)
            return;
        int64_t arrived = now();
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
            if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
                struct timespec t;
                memcpy(&t, CMSG_DATA(c), sizeof t);
                arrived = (int64_t)t.tv_sec * SECOND + t.tv_nsec;
            }
        int64_t number = (asked & ~(int64_t)0xffff) | packet[0] << 8 | packet[1];
        if (number >= asked)
            number -= 0x10000;
        if (number >= 0 && took[number] < 0) {
            took[number] = arrived - sent_at[number];
            unanswered--;
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: latency PORT RATE SECONDS QUERIES\n");
        return 2;
    }
    double rate = atof(argv[2]);
    total = (int64_t)(rate * atof(argv[3]));
    load(argv[4]);
    sent_at = calloc((size_t)total + 1, sizeof *sent_at);
    took = malloc(((size_t)total + 1) * sizeof *took);
    int sock = socket(AF_INET, SOCK_DGRAM, 0), on = 1, room = 4 << 20;
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(sock, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (total < 1 || !sent_at || !took || sock < 0 || connect(sock, (struct sockaddr *)&there, sizeof there) < 0) {
        perror("latency");
        return 1;
    }
    /* Be let in as soon as a question is due, whoever has the processor: what waits here is measured as the server's doing. */
    struct { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t runtime, deadline, period; }
        turns = {.size = 48, .runtime = 100000};
    syscall(SYS_sched_setattr, 0, &turns, 0); /* short turns, sched_setattr(2); before Linux 6.12 it changes nothing */
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    int64_t started = now(), asked = 0;
    int64_t step = (int64_t)(SECOND / rate);
    while (asked < total && !stopping) {
        int64_t due = started + asked * step, left = due - now();
        if (left > 0) {
            struct pollfd watched = {.fd = sock, .events = POLLIN};
            struct timespec wait = {.tv_sec = left / SECOND, .tv_nsec = left % SECOND};
            ppoll(&watched, 1, &wait, NULL);
            receive(sock, asked);
            continue;
        }
        unsigned char *query = queries[(size_t)asked % query_count];
        query[0] = (unsigned char)(asked >> 8);
        query[1] = (unsigned char)asked;
        took[asked] = -1;
        unanswered++;
        sent_at[asked] = now();
        send(sock, query, sizes[(size_t)asked % query_count], 0);
        asked++;
        receive(sock, asked);
    }
    for (int64_t end = now() + (int64_t)PATIENCE * SECOND, left; unanswered && (left = end - now()) > 0;) {
        struct pollfd watched = {.fd = sock, .events = POLLIN};
        poll(&watched, 1, (int)(left / 1000000) + 1);
        receive(sock, asked);
    }
    for (int64_t i = 0; i < asked; i++)
        printf("%lld %lld\n", (long long)sent_at[i], (long long)took[i]);
    return 0;
}
