/* The upstream of every measured server: answers any question, over UDP and TCP.
 *
 * upstream PORT COUNTER [TTL [LOSS [DELAY]]]
 *
 * A is 192.0.2.1, AAAA is 2001:db8::1, every other type is NODATA with an SOA; TTL is in seconds (3600). Of a thousand
 * questions over UDP, LOSS get no answer (0), drawn by dice that show the same in every run; the others get theirs after
 * DELAY milliseconds (0, at once). COUNTER is a file of eight octets that is mapped and holds the number of questions so far
 * (native order), so that the bench can prove what was forwarded and what was answered from memory.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, SLOT = 1536, HEADER = 12, STREAMS = 64, MAX_NAME = 255, TYPE_A = 1, TYPE_AAAA = 28, TYPE_OPT = 41, TTL_AT = 6, HELD = 32768 };

static unsigned char answer_a[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4, 192, 0, 2, 1};
static unsigned char answer_aaaa[] = {0xc0, 12, 0, 28, 0, 1, 0, 0, 0x0e, 0x10, 0, 16, 0x20, 1, 0x0d, 0xb8,
                                            0,    0,  0, 0,  0, 0, 0, 0, 0,    0,    0, 1};
/* Owner: the question's name. Primary and mailbox: the root. Serial 1, then refresh, retry, expire, minimum 3600. */
static unsigned char soa[] = {0xc0, 12, 0, 6, 0, 1, 0,    0,    0x0e, 0x10, 0, 22, 0,    0,    0, 0, 0,
                                    1,    0,  0, 0x0e, 0x10, 0, 0, 0x0e, 0x10, 0, 0, 0x0e, 0x10, 0, 0, 0x0e, 0x10};
static const unsigned char opt[] = {0, 0, TYPE_OPT, 0x04, 0xd0, 0, 0, 0, 0, 0, 0};

static uint64_t *counter;
static unsigned loss; /* of a thousand */
static int64_t delay; /* ns */

static unsigned dice(void) /* xorshift32 */
{
    static uint32_t state = 2463534242u;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static size_t append(unsigned char *packet, size_t size, const unsigned char *what, size_t length)
{
    memcpy(packet + size, what, length);
    return size + length;
}

/* Turn a query into its answer in place; 0 when it is no query for one name. There is room for SLOT octets. */
static size_t answer(unsigned char *packet, size_t size)
{
    if (size < HEADER + 5 || packet[2] & 0x80 || packet[4] != 0 || packet[5] != 1)
        return 0;
    size_t at = HEADER;
    while (at < size && packet[at] != 0) {
        if (packet[at] > 63 || at - HEADER > MAX_NAME)
            return 0;
        at += packet[at] + 1u;
    }
    if (at + 5 > size)
        return 0;
    unsigned type = (unsigned)packet[at + 1] << 8 | packet[at + 2];
    size_t end = at + 5;
    int edns = (packet[10] || packet[11]) && end + 11 <= size && packet[end] == 0 && packet[end + 1] == 0 &&
               packet[end + 2] == TYPE_OPT;
    ++*counter;
    packet[2] = (unsigned char)(0x80 | (packet[2] & 0x01)); /* QR, and RD as asked */
    packet[3] = 0x80;                                        /* RA */
    memset(packet + 6, 0, 6);
    if (type == TYPE_A) {
        packet[7] = 1;
        end = append(packet, end, answer_a, sizeof answer_a);
    } else if (type == TYPE_AAAA) {
        packet[7] = 1;
        end = append(packet, end, answer_aaaa, sizeof answer_aaaa);
    } else {
        packet[9] = 1;
        end = append(packet, end, soa, sizeof soa);
    }
    if (edns) {
        packet[11] = 1;
        end = append(packet, end, opt, sizeof opt);
    }
    return end;
}

static unsigned char packets[BATCH][SLOT];
static struct sockaddr_in peers[BATCH];
static struct iovec spans[BATCH];
static struct mmsghdr messages[BATCH];

/* Answers that wait; all wait equally long, so the first in is the first out. */
static struct held {
    int64_t due;
    struct sockaddr_in peer;
    size_t size;
    unsigned char packet[SLOT];
} held[HELD];
static size_t first_held, next_held;

static void send_due(int sock)
{
    for (int64_t time = now(); first_held != next_held && held[first_held % HELD].due <= time; first_held++) {
        struct held *one = &held[first_held % HELD];
        sendto(sock, one->packet, one->size, 0, (struct sockaddr *)&one->peer, sizeof one->peer);
    }
}

static void hold(const unsigned char *packet, size_t size, const struct sockaddr_in *peer)
{
    if (next_held - first_held == HELD)
        return; /* lost, as in a router whose queue is full */
    struct held *one = &held[next_held++ % HELD];
    one->due = now() + delay;
    one->peer = *peer;
    one->size = size;
    memcpy(one->packet, packet, size);
}

static int patience(void) /* ms for poll(2) */
{
    if (first_held == next_held)
        return -1;
    int64_t left = held[first_held % HELD].due - now();
    return left > 0 ? (int)(left / 1000000) + 1 : 0;
}

static void serve_datagrams(int sock)
{
    for (int i = 0; i < BATCH; i++) {
        spans[i] = (struct iovec){packets[i], SLOT};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &peers[i], .msg_namelen = sizeof peers[i], .msg_iov = &spans[i], .msg_iovlen = 1};
    }
    int count = recvmmsg(sock, messages, BATCH, MSG_DONTWAIT, NULL);
    int ready = 0;
    for (int i = 0; i < count; i++) {
        size_t size = answer(packets[i], messages[i].msg_len > 512 ? 512 : messages[i].msg_len);
        if (size == 0 || (loss && dice() % 1000 < loss))
            continue;
        if (delay) {
            hold(packets[i], size, &peers[i]);
            continue;
        }
        spans[i].iov_len = size;
        messages[ready++].msg_hdr = messages[i].msg_hdr;
    }
    for (int sent = 0; sent < ready;) {
        int done = sendmmsg(sock, messages + sent, (unsigned)(ready - sent), 0);
        sent += done > 0 ? done : 1;
    }
}

struct stream {
    size_t filled;
    unsigned char buffer[2 + SLOT];
};

static struct stream streams[STREAMS];

/* Read what there is and answer each whole message; -1 when the connection is over. */
static int serve_stream(int sock, struct stream *stream)
{
    ssize_t got = recv(sock, stream->buffer + stream->filled, 2 + 512 - stream->filled, MSG_DONTWAIT);
    if (got <= 0)
        return got < 0 && errno == EAGAIN ? 0 : -1;
    stream->filled += (size_t)got;
    while (stream->filled >= 2) {
        size_t length = (size_t)stream->buffer[0] << 8 | stream->buffer[1];
        if (length > 512)
            return -1;
        if (stream->filled < 2 + length)
            break;
        unsigned char reply[2 + SLOT];
        memcpy(reply + 2, stream->buffer + 2, length);
        size_t size = answer(reply + 2, length);
        if (size == 0)
            return -1;
        reply[0] = (unsigned char)(size >> 8);
        reply[1] = (unsigned char)size;
        if (send(sock, reply, size + 2, MSG_NOSIGNAL) != (ssize_t)(size + 2))
            return -1;
        stream->filled -= 2 + length;
        memmove(stream->buffer, stream->buffer + 2 + length, stream->filled);
    }
    return 0;
}

static int bound(int kind, uint16_t port)
{
    int sock = socket(AF_INET, kind, 0), on = 1, room = 4 << 20;
    struct sockaddr_in here = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (kind == SOCK_STREAM)
        setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (sock < 0 || bind(sock, (struct sockaddr *)&here, sizeof here) < 0 ||
        (kind == SOCK_STREAM && listen(sock, STREAMS) < 0)) {
        perror("upstream: bind");
        exit(1);
    }
    return sock;
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 6) {
        fprintf(stderr, "usage: upstream PORT COUNTER [TTL [LOSS [DELAY]]]\n");
        return 2;
    }
    if (argc > 3) {
        uint32_t ttl = htonl((uint32_t)atoi(argv[3]));
        memcpy(answer_a + TTL_AT, &ttl, 4);
        memcpy(answer_aaaa + TTL_AT, &ttl, 4);
        memcpy(soa + TTL_AT, &ttl, 4);
        memcpy(soa + sizeof soa - 4, &ttl, 4);
    }
    loss = argc > 4 ? (unsigned)atoi(argv[4]) : 0;
    delay = argc > 5 ? (int64_t)atoi(argv[5]) * 1000000 : 0;
    int file = open(argv[2], O_RDWR);
    counter = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (counter == MAP_FAILED) {
        perror("upstream: counter");
        return 1;
    }
    uint16_t port = (uint16_t)atoi(argv[1]);
    struct pollfd watched[2 + STREAMS] = {{.fd = bound(SOCK_DGRAM, port), .events = POLLIN},
                                          {.fd = bound(SOCK_STREAM, port), .events = POLLIN}};
    for (int i = 0; i < STREAMS; i++)
        watched[2 + i] = (struct pollfd){.fd = -1, .events = POLLIN};
    for (;;) {
        int ready = poll(watched, 2 + STREAMS, patience());
        send_due(watched[0].fd);
        if (ready < 0)
            continue;
        if (watched[0].revents)
            serve_datagrams(watched[0].fd);
        for (int i = 0; i < STREAMS; i++) {
            if (watched[2 + i].fd < 0 || !watched[2 + i].revents)
                continue;
            if (serve_stream(watched[2 + i].fd, &streams[i]) < 0) {
                close(watched[2 + i].fd);
                watched[2 + i].fd = -1;
                watched[2 + i].revents = 0;
            }
        }
        if (watched[1].revents) {
            int sock = accept(watched[1].fd, NULL, NULL), place = 0;
            while (place < STREAMS && watched[2 + place].fd >= 0)
                place++;
            if (sock >= 0 && place == STREAMS) {
                close(sock);
            } else if (sock >= 0) {
                streams[place].filled = 0;
                watched[2 + place].fd = sock;
            }
        }
    }
}
