/* What both generators share: clocks, sockets, growing samples and their percentiles, `name=value` arguments. */
#ifndef LOAD_WIRE_H
#define LOAD_WIRE_H
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES (1 << 18)
#define NS_PER_SECOND 1000000000ull

struct samples {
    uint32_t *us;
    size_t count, room;
};

/* CLOCK_MONOTONIC is the same for every process, so one may stamp a message and another read the stamp. */
static inline uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_SECOND + (uint64_t)t.tv_nsec;
}

static inline double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static inline void *must(void *memory) {
    if (!memory) die("out of memory");
    return memory;
}

static inline const char *argument(int argc, char **argv, const char *name, const char *otherwise) {
    size_t length = strlen(name);
    for (int i = 1; i < argc; i++)
        if (!strncmp(argv[i], name, length) && argv[i][length] == '=') return argv[i] + length + 1;
    return otherwise;
}

static inline void allow_many_files(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* A non-blocking connection under way; it is usable when epoll calls it writable. */
static inline int dial(const char *host, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) die("%s is not an IPv4 address", host);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0) die("socket: %s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS)
        die("connect: %s", strerror(errno));
    return fd;
}

static inline void watch(int poller, int operation, int fd, uint32_t events, void *owner) {
    struct epoll_event event = {.events = events, .data.ptr = owner};
    if (epoll_ctl(poller, operation, fd, &event)) die("epoll_ctl: %s", strerror(errno));
}

/* What we send is smaller than any socket buffer; a peer that has no room for it is not measurable. */
static inline int send_whole(int fd, const char *data, size_t length) {
    return send(fd, data, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static inline void add_sample(struct samples *samples, uint64_t ns) {
    if (samples->count == samples->room) {
        samples->room = samples->room ? samples->room * 2 : 4096;
        samples->us = must(realloc(samples->us, samples->room * sizeof *samples->us));
    }
    uint64_t us = ns / 1000;
    samples->us[samples->count++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static inline int by_size(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Prints a JSON object: how many, and the milliseconds that each named share of them stayed within. */
static inline void print_latency(struct samples *samples) {
    static const double shares[] = {10, 25, 50, 75, 90, 95, 99, 99.9, 100};
    printf("{\"count\":%zu", samples->count);
    qsort(samples->us, samples->count, sizeof *samples->us, by_size);
    for (size_t i = 0; samples->count && i < sizeof shares / sizeof *shares; i++) {
        size_t rank = (size_t)(shares[i] / 100 * (double)samples->count);
        if (rank >= samples->count) rank = samples->count - 1;
        printf(",\"p%g\":%.3f", shares[i], samples->us[rank] / 1000.0);
    }
    printf("}");
}

/* Prints text from a peer as a JSON string; what JSON would have to escape becomes a space or an apostrophe. */
static inline void print_text(const char *text) {
    putchar('"');
    for (; *text; text++) putchar(*text == '"' ? '\'' : (unsigned char)*text < 32 || *text == '\\' ? ' ' : *text);
    putchar('"');
}
#endif
