/* A client that asks without end and listens to nothing.
 *
 * flood PORT SOURCE RATE SECONDS NAME
 *
 * Asks 127.0.0.1:PORT from the address SOURCE for the A record of NAME, RATE times a second (0: as fast as can be). Where NAME
 * begins with eight zeros, they count up, so that each name is a new one. Ends after SECONDS or at SIGTERM and writes
 * how many datagrams it sent.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 64, MAX_QUERY = 300, SECOND = 1000000000 };

static volatile sig_atomic_t stopping;

static void stop(int number)
{
    (void)number;
    stopping = 1;
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

static size_t query(unsigned char *at, const char *name)
{
    static const unsigned char head[12] = {0, 0, 1, 0, 0, 1};
    static const unsigned char tail[5] = {0, 0, 1, 0, 1};
    unsigned char *start = at;
    memcpy(at, head, sizeof head);
    at += sizeof head;
    while (*name) {
        size_t length = strcspn(name, ".");
        if (length == 0 || length > 63 || (size_t)(at - start) + length + 8 > MAX_QUERY) {
            fprintf(stderr, "flood: no name\n");
            exit(2);
        }
        *at++ = (unsigned char)length;
        memcpy(at, name, length);
        at += length;
        name += length + (name[length] == '.');
    }
    memcpy(at, tail, sizeof tail);
    return (size_t)(at - start) + sizeof tail;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: flood PORT SOURCE RATE SECONDS NAME\n");
        return 2;
    }
    static unsigned char queries[SLOTS][MAX_QUERY];
    static struct iovec parts[SLOTS];
    static struct mmsghdr messages[SLOTS];
    double rate = atof(argv[3]), seconds = atof(argv[4]);
    int sock = socket(AF_INET, SOCK_DGRAM, 0), room = 0;
    struct sockaddr_in here = {.sin_family = AF_INET}, there = {.sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &room, sizeof room); /* answers are dropped by the kernel */
    if (sock < 0 || inet_pton(AF_INET, argv[2], &here.sin_addr) != 1 || bind(sock, (struct sockaddr *)&here, sizeof here) < 0 ||
        connect(sock, (struct sockaddr *)&there, sizeof there) < 0) {
        perror("flood");
        return 1;
    }
    for (int i = 0; i < SLOTS; i++) {
        parts[i] = (struct iovec){queries[i], query(queries[i], argv[5])};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    int counts = strncmp(argv[5], "00000000", 8) == 0;
    signal(SIGTERM, stop);
    int64_t began = now(), sent = 0;
    while (!stopping) {
        int64_t passed = now() - began;
        if (passed > (int64_t)(seconds * SECOND))
            break;
        if (rate > 0 && (double)sent >= rate * (double)passed / SECOND) {
            usleep(500);
            continue;
        }
        for (int i = 0; counts && i < SLOTS; i++) {
            char digits[17];
            snprintf(digits, sizeof digits, "%08llx", (unsigned long long)((sent + i) & 0xffffffff));
            memcpy(queries[i] + 13, digits, 8);
        }
        int done = sendmmsg(sock, messages, SLOTS, 0);
        if (done > 0)
            sent += done;
    }
    printf("%lld\n", (long long)sent);
    return 0;
}
