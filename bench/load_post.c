/* Post JSON bodies over keep-alive connections, each connection sending its next as soon as its last is answered.
 *
 * Arguments, as name=value: host port path concurrency, seconds or requests, run (begins every Idempotency-Key),
 * headers (lines that end in \r\n). Bodies come on stdin, one a line, used in turn; the first 20 `@` of a body are
 * replaced by the monotonic nanoseconds of the send, so that a listener can tell how long the message took to it.
 * Prints one JSON object. */
#include "load_wire.h"
#include <ctype.h>

#define STAMP "@@@@@@@@@@@@@@@@@@@@"
#define STAMP_DIGITS 20
#define KEY_DIGITS 12
#define DRAIN_SECONDS 10

struct request {
    char *text, *key, *stamp;
    size_t length;
};

struct connection {
    int fd, busy, usable;
    uint64_t sent_at;
    size_t kept;
    char keep[16384];
};

static const char *host;
static int port, poller;
static struct request *requests;
static size_t request_kinds;
static uint64_t started, wanted, posted, answered, failed, broken, deadline;
static uint64_t statuses[600];
static char first_failure[400];
static struct samples latency;

static struct request build_request(const char *path, const char *headers, const char *run, const char *body) {
    struct request made;
    int length = asprintf(&made.text,
        "POST %s HTTP/1.1\r\nHost: %s:%d\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
        "%sIdempotency-Key: %s-%0*d\r\n\r\n%s", path, host, port, strlen(body), headers, run, KEY_DIGITS, 0, body);
    if (length < 0) die("out of memory");
    made.length = (size_t)length;
    made.key = strstr(made.text, "Idempotency-Key: ") + strlen("Idempotency-Key: ") + strlen(run) + 1;
    made.stamp = strstr(made.text, STAMP);
    return made;
}

static void read_bodies(const char *path, const char *headers, const char *run) {
    char *line = NULL;
    size_t room = 0;
    for (ssize_t length; (length = getline(&line, &room, stdin)) > 1;) {
        line[strcspn(line, "\n")] = 0;
        requests = must(realloc(requests, (request_kinds + 1) * sizeof *requests));
        requests[request_kinds++] = build_request(path, headers, run, line);
    }
    free(line);
    if (!request_kinds) die("no body on stdin");
}

static void write_digits(char *place, int digits, uint64_t number) {
    while (digits--) {
        place[digits] = (char)('0' + number % 10);
        number /= 10;
    }
}

static void redial(struct connection *connection) {
    if (connection->fd >= 0) close(connection->fd);
    connection->fd = dial(host, port);
    connection->busy = connection->usable = 0;
    connection->kept = 0;
    watch(poller, EPOLL_CTL_ADD, connection->fd, EPOLLOUT, connection);
}

static int more_to_send(uint64_t now) { return wanted ? posted < wanted : now < deadline; }

static void post_next(struct connection *connection) {
    uint64_t now = now_ns();
    if (!more_to_send(now)) return;
    struct request *request = &requests[posted % request_kinds];
    write_digits(request->key, KEY_DIGITS, posted++);
    if (request->stamp) write_digits(request->stamp, STAMP_DIGITS, now);
    connection->sent_at = now;
    connection->busy = 1;
    if (send_whole(connection->fd, request->text, request->length)) return;
    broken++;
    redial(connection);
}

static size_t content_length(const char *head, const char *end) {
    for (const char *line = head; line < end; line = strstr(line, "\r\n") + 2)
        if (!strncasecmp(line, "content-length:", 15)) return strtoul(line + 15, NULL, 10);
    die("an answer has no Content-Length; chunked answers are not read by this generator");
    return 0;
}

/* The bytes that one whole answer takes, 0 when it is not all there. */
static size_t whole_answer(const char *data, size_t length, const char **body) {
    const char *end = memmem(data, length, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t needed = (size_t)(end + 4 - data) + content_length(data, end);
    *body = end + 4;
    return needed <= length ? needed : 0;
}

static void record_answer(struct connection *connection, const char *answer, const char *body) {
    int status = atoi(answer + 9);
    add_sample(&latency, now_ns() - connection->sent_at);
    answered++;
    if (status < 0 || status >= 600) die("not an HTTP status: %.20s", answer);
    statuses[status]++;
    if (status / 100 == 2) return;
    if (!failed++) snprintf(first_failure, sizeof first_failure, "%d %s", status, body);
}

static void read_answer(struct connection *connection) {
    char *data = connection->keep;
    const char *body;
    ssize_t got = recv(connection->fd, data + connection->kept, sizeof connection->keep - 1 - connection->kept, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        broken += (uint64_t)connection->busy;
        if (more_to_send(now_ns())) redial(connection);
        else watch(poller, EPOLL_CTL_DEL, connection->fd, 0, NULL), connection->busy = 0;
        return;
    }
    connection->kept += (size_t)got;
    data[connection->kept] = 0;
    if (!whole_answer(data, connection->kept, &body)) return;
    record_answer(connection, data, body);
    connection->kept = 0;
    connection->busy = 0;
    post_next(connection);
}

static void serve(struct connection *connection) {
    if (connection->usable) {
        read_answer(connection);
        return;
    }
    connection->usable = 1;
    watch(poller, EPOLL_CTL_MOD, connection->fd, EPOLLIN, connection);
    post_next(connection);
}

static int any_busy(const struct connection *connections, int count) {
    for (int i = 0; i < count; i++)
        if (connections[i].busy || !connections[i].usable) return 1;
    return 0;
}

static void run(struct connection *connections, int count) {
    struct epoll_event events[256];
    uint64_t last_moment = (wanted ? started + 3600 * NS_PER_SECOND : deadline) + DRAIN_SECONDS * NS_PER_SECOND;
    for (int i = 0; i < count; i++) connections[i].fd = -1, redial(&connections[i]);
    while (now_ns() < last_moment && (more_to_send(now_ns()) || any_busy(connections, count))) {
        int ready = epoll_wait(poller, events, 256, 100);
        for (int i = 0; i < ready; i++) serve(events[i].data.ptr);
    }
    for (int i = 0; i < count; i++) broken += (uint64_t)connections[i].busy;
}

static void print_report(double cpu_before) {
    double seconds = (double)(now_ns() - started) / 1e9;
    const char *comma = "";
    printf("{\"requests\":%lu,\"failed\":%lu,\"broken\":%lu,\"seconds\":%.4f,\"cpu_seconds\":%.4f,\"statuses\":{",
        answered, failed, broken, seconds, cpu_seconds() - cpu_before);
    for (int status = 0; status < 600; status++)
        if (statuses[status]) printf("%s\"%d\":%lu", comma, status, statuses[status]), comma = ",";
    printf("},\"first_failure\":");
    print_text(first_failure);
    printf(",\"latency_ms\":");
    print_latency(&latency);
    printf("}\n");
}

int main(int argc, char **argv) {
    host = argument(argc, argv, "host", "127.0.0.1");
    port = atoi(argument(argc, argv, "port", "4000"));
    int concurrency = atoi(argument(argc, argv, "concurrency", "32"));
    wanted = strtoull(argument(argc, argv, "requests", "0"), NULL, 10);
    const char *path = argument(argc, argv, "path", "/"), *run_name = argument(argc, argv, "run", "run");
    read_bodies(path, argument(argc, argv, "headers", ""), run_name);
    allow_many_files();
    poller = epoll_create1(EPOLL_CLOEXEC);
    double cpu_before = cpu_seconds();
    started = now_ns();
    deadline = started + (uint64_t)(atof(argument(argc, argv, "seconds", "0")) * 1e9);
    run(must(calloc((size_t)concurrency, sizeof(struct connection))), concurrency);
    print_report(cpu_before);
    return 0;
}
