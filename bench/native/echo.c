/* The physical limit: a DNS "server" that only turns queries into empty answers.
 *
 * echo PORT
 *
 * One core, recvmmsg(2) and sendmmsg(2) over loopback, no parsing: the QR bit is set and the packet goes back. What this
 * costs is what the kernel takes for a query and an answer; no resolver can be cheaper through the socket interface.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64, SLOT = 1536 };

static unsigned char packets[BATCH][SLOT];
static struct sockaddr_in peers[BATCH];
static struct iovec spans[BATCH];
static struct mmsghdr messages[BATCH];

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: echo PORT\n");
        return 2;
    }
    int sock = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (sock < 0 || bind(sock, (struct sockaddr *)&here, sizeof here) < 0) {
        perror("echo: bind");
        return 1;
    }
    for (int i = 0; i < BATCH; i++) {
        spans[i] = (struct iovec){packets[i], SLOT};
        messages[i].msg_hdr = (struct msghdr){.msg_name = &peers[i], .msg_iov = &spans[i], .msg_iovlen = 1};
    }
    for (;;) {
        for (int i = 0; i < BATCH; i++) {
            messages[i].msg_hdr.msg_namelen = sizeof peers[i];
            spans[i].iov_len = SLOT;
        }
        int count = recvmmsg(sock, messages, BATCH, MSG_WAITFORONE, NULL);
        if (count < 0) {
            if (errno == EINTR || errno == ECONNREFUSED)
                continue;
            perror("echo: recvmmsg");
            return 1;
        }
        for (int i = 0; i < count; i++) {
            packets[i][2] |= 0x80;
            spans[i].iov_len = messages[i].msg_len;
        }
        for (int sent = 0; sent < count;) {
            int done = sendmmsg(sock, messages + sent, (unsigned)(count - sent), 0);
            sent += done > 0 ? done : 1; /* a peer that is gone costs its own answer only */
        }
    }
}
