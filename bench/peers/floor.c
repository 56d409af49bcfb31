/* The floor of fan-out: a C loop that writes one ready frame to every socket, and does nothing else.
 *
 *   floor PORT CLIENTS
 * It accepts so many clients, answers each upgrade and packet that opens Socket.IO on `/`, and prints {"ready"}.
 * Then each stdin line `go EVENTS BURST TEXT` writes a frame with TEXT to all, EVENTS times: BURST of 1 is one write(2)
 * a socket and event, a larger one joins BURST frames in each write. Prints {"events", "seconds", "cpu_seconds"}. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* The accept value belongs to the sample key of RFC 6455, section 1.3, which our generator sends. */
static const char upgraded[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
static const char opened[] =
    "0{\"sid\":\"floor\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":60000,\"maxPayload\":1000000}";
static const char connected[] = "40{\"sid\":\"floor\"}";

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double clock_seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int listen_on(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 1024)) fail("listen");
    return fd;
}

static void write_whole(int fd, const char *data, size_t length) {
    while (length) {
        ssize_t wrote = write(fd, data, length);
        if (wrote < 0) fail("write");
        data += wrote;
        length -= (size_t)wrote;
    }
}

static size_t put_frame(char *place, const char *text, size_t length) {
    size_t head = length < 126 ? 2 : 4;
    place[0] = (char)0x81;
    place[1] = (char)(length < 126 ? length : 126);
    if (length >= 126) place[2] = (char)(length >> 8), place[3] = (char)length;
    memcpy(place + head, text, length);
    return head + length;
}

static void send_text(int fd, const char *text) {
    char frame[512];
    write_whole(fd, frame, put_frame(frame, text, strlen(text)));
}

/* Clients speak in turn: the upgrade, then the packet that joins the namespace. */
static int take_client(int listener) {
    char ignored[4096];
    int fd = accept(listener, NULL, NULL), on = 1;
    if (fd < 0) fail("accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (read(fd, ignored, sizeof ignored) <= 0) fail("no upgrade request");
    write_whole(fd, upgraded, sizeof upgraded - 1);
    send_text(fd, opened);
    if (read(fd, ignored, sizeof ignored) <= 0) fail("no connect packet");
    send_text(fd, connected);
    return fd;
}

static void go(const int *clients, int count, long events, long burst, const char *text) {
    size_t one = strlen(text) + 4, length = 0;
    char *frames = malloc(one * (size_t)burst);
    for (long i = 0; i < burst; i++) length += put_frame(frames + length, text, strlen(text));
    double started = clock_seconds(CLOCK_MONOTONIC), cpu = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (long done = 0; done < events; done += burst)
        for (int i = 0; i < count; i++) write_whole(clients[i], frames, length);
    printf("{\"events\":%ld,\"seconds\":%.6f,\"cpu_seconds\":%.6f}\n", events,
        clock_seconds(CLOCK_MONOTONIC) - started, clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    free(frames);
}

static void allow_many_files(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv) {
    if (argc != 3) return fprintf(stderr, "floor PORT CLIENTS\n"), 2;
    int count = atoi(argv[2]), listener = listen_on(atoi(argv[1])), at = 0;
    int *clients = calloc((size_t)count, sizeof *clients);
    char line[8192];
    long events, burst;
    setvbuf(stdout, NULL, _IOLBF, 0);
    allow_many_files();
    printf("{\"listening\":true}\n");
    for (int i = 0; i < count; i++) clients[i] = take_client(listener);
    printf("{\"ready\":%d}\n", count);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (sscanf(line, "go %ld %ld %n", &events, &burst, &at) < 2 || burst < 1)
            return fprintf(stderr, "go EVENTS BURST TEXT\n"), 2;
        go(clients, count, events, burst, line + at);
    }
    return 0;
}
