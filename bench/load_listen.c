/* Many Socket.IO listeners in one process: they connect, answer pings and count what they are sent.
 *
 * Arguments, as name=value: host port count, at_once (handshakes under way), namespace, auth (JSON), event (the one
 * that is counted), watched (listeners that also check age and order), thread (text before the value by which seq is
 * numbered; empty: one numbering), spin (1: never sleep, so that no write of the server pays for waking us).
 * Prints a report when all are connected or refused, then obeys lines from stdin, each answered with one line of JSON:
 *   mark | report | wait EVENTS SECONDS | call EVENT JSON | echo SOCKETS SECONDS EVENT JSON | stall
 * and ends when stdin does. */
#include "load_frames.h"
#include "load_samples.h"

enum stage { DIALING, UPGRADING, OPENING, CONNECTED, GONE };

struct listener {
    int fd, echoing;
    enum stage stage;
    uint64_t events, bytes, sent_at;
    size_t kept;
    char *keep;
    struct order *order;
};

static const char *host, *auth, *thread_mark;
static char prefix[128], event_head[256], ack_head[136];
static int port, poller, count, at_once, spin, dialed, connected, refused, closed, echoing;
static struct listener *listeners;
static unsigned char buffer[BUFFER_BYTES * 2];
static uint64_t events_total, other_total, bytes_total, marked, first_event, last_event, busy;
static uint64_t echo_until, wait_until, wait_for;
static double cpu_marked;
static char first_refusal[300], echo_packet[2048];
static struct samples ages, round_trips;
static enum { NOTHING, CONNECTING, COUNTING, CALLING, ECHOING } pending = CONNECTING;

static void finish(struct listener *listener, const char *reason, size_t length) {
    if (listener->stage == CONNECTED) connected--, closed++;
    else if (!refused++) snprintf(first_refusal, sizeof first_refusal, "%.*s", (int)length, reason);
    if (listener->echoing) echoing--;
    listener->stage = GONE;
    close(listener->fd);
}

static void dial_next(void) {
    while (dialed < count && dialed - connected - refused - closed < at_once) {
        struct listener *listener = &listeners[dialed++];
        listener->fd = dial(host, port);
        watch(poller, EPOLL_CTL_ADD, listener->fd, EPOLLOUT, listener);
    }
}

static void ask_upgrade(struct listener *listener) {
    char text[512];
    int length = snprintf(text, sizeof text,
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        host, port);
    listener->stage = UPGRADING;
    watch(poller, EPOLL_CTL_MOD, listener->fd, EPOLLIN, listener);
    if (!send_whole(listener->fd, text, (size_t)length)) finish(listener, "connection refused", 18);
}

static void send_packet(struct listener *listener, const char *packet) {
    if (!send_frame(listener->fd, TEXT, packet, strlen(packet))) finish(listener, "cannot send", 11);
}

static void ask_connect(struct listener *listener) {
    char packet[4096];
    snprintf(packet, sizeof packet, "40%s%s", prefix, auth);
    send_packet(listener, packet);
}

/* Returns the bytes of the HTTP answer, 0 when it is not all there or is a refusal. */
static size_t read_upgrade(struct listener *listener, const unsigned char *data, size_t length) {
    const unsigned char *end = memmem(data, length, "\r\n\r\n", 4);
    if (!end) return 0;
    if (length > 12 && !memcmp(data + 9, "101", 3)) {
        listener->stage = OPENING;
        return (size_t)(end + 4 - data);
    }
    finish(listener, (const char *)data, length < 200 ? length : 200);
    return 0;
}

static void count_event(struct listener *listener, const struct frame *frame) {
    listener->events++;
    events_total++;
    if (!listener->order) return;
    uint64_t sent = number_after(frame->payload, frame->length, STAMP_MARK);
    if (sent) add_sample(&ages, now_ns() - sent);
    uint64_t seq = number_after(frame->payload, frame->length, "\"seq\":");
    if (seq) check_order(listener->order, thread_of(frame->payload, frame->length, thread_mark), seq);
}

static void send_echo(struct listener *listener) {
    listener->sent_at = now_ns();
    send_packet(listener, echo_packet);
}

static void read_ack(struct listener *listener, const struct frame *frame) {
    size_t head = strlen(ack_head);
    if (frame->length < head || memcmp(frame->payload, ack_head, head)) return;
    if (pending == CALLING) {
        printf("{\"ack\":%.*s}\n", (int)(frame->length - head), frame->payload + head);
        pending = NOTHING;
    } else if (listener->echoing) {
        add_sample(&round_trips, now_ns() - listener->sent_at);
        if (now_ns() < echo_until) send_echo(listener);
        else listener->echoing = 0, echoing--;
    }
}

static void read_message(struct listener *listener, const struct frame *frame) {
    const char *text = frame->payload;
    size_t head = strlen(prefix) + 2;
    if (text[1] == '3') read_ack(listener, frame);
    else if (text[1] == '0' && frame->length > head && !memcmp(text + 2, prefix, head - 2)) {
        connected += listener->stage == OPENING;
        listener->stage = CONNECTED;
    } else if (text[1] == '4') finish(listener, text, frame->length);
    else other_total++;
}

static void read_text(struct listener *listener, const struct frame *frame) {
    size_t head = strlen(event_head);
    if (frame->length > head && !memcmp(frame->payload, event_head, head)) count_event(listener, frame);
    else if (frame->length && *frame->payload == '0') ask_connect(listener);
    else if (frame->length && *frame->payload == '2') send_packet(listener, "3");
    else if (frame->length > 1 && *frame->payload == '4') read_message(listener, frame);
    else other_total++;
}

static void take_frame(struct listener *listener, const struct frame *frame) {
    if (!frame->final) die("a fragmented frame came; this generator does not put them together");
    if (frame->opcode == TEXT) read_text(listener, frame);
    else if (frame->opcode == CLOSE) finish(listener, "websocket closed", 16);
    else if (frame->opcode == PING && !send_frame(listener->fd, PONG, frame->payload, frame->length))
        finish(listener, "cannot send", 11);
}

static size_t take_all(struct listener *listener, const unsigned char *data, size_t length) {
    size_t used = listener->stage == UPGRADING ? read_upgrade(listener, data, length) : 0;
    struct frame frame;
    if (listener->stage < OPENING) return used;
    for (size_t step; listener->stage != GONE && (step = read_frame(data + used, length - used, &frame)); used += step)
        take_frame(listener, &frame);
    return used;
}

static void keep_rest(struct listener *listener, const unsigned char *rest, size_t length) {
    if (length > BUFFER_BYTES) die("a frame larger than %d bytes", BUFFER_BYTES);
    if (length) memcpy(listener->keep = must(realloc(listener->keep, length)), rest, length);
    listener->kept = length;
}

/* One recv a wake: what is left makes epoll report the socket again. */
static void serve(struct listener *listener) {
    if (listener->stage == GONE) return;
    if (listener->stage == DIALING) {
        ask_upgrade(listener);
        return;
    }
    if (listener->kept) memcpy(buffer, listener->keep, listener->kept);
    ssize_t got = recv(listener->fd, buffer + listener->kept, BUFFER_BYTES, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        finish(listener, "connection lost", 15);
        return;
    }
    listener->bytes += (uint64_t)got;
    bytes_total += (uint64_t)got;
    size_t have = listener->kept + (size_t)got, used = take_all(listener, buffer, have);
    if (listener->stage != GONE) keep_rest(listener, buffer + used, have - used);
}
#include "load_orders.h"

static void read_arguments(int argc, char **argv) {
    const char *namespace = argument(argc, argv, "namespace", "/");
    host = argument(argc, argv, "host", "127.0.0.1");
    port = atoi(argument(argc, argv, "port", "4000"));
    count = atoi(argument(argc, argv, "count", "1"));
    at_once = atoi(argument(argc, argv, "at_once", "50"));
    spin = atoi(argument(argc, argv, "spin", "0"));
    auth = argument(argc, argv, "auth", "");
    thread_mark = argument(argc, argv, "thread", "");
    if (strcmp(namespace, "/")) snprintf(prefix, sizeof prefix, "%s,", namespace);
    snprintf(event_head, sizeof event_head, "42%s[\"%s\"", prefix, argument(argc, argv, "event", "message:new"));
    snprintf(ack_head, sizeof ack_head, "43%s7", prefix);
    listeners = must(calloc((size_t)count, sizeof *listeners));
    for (int i = 0; i < count && i < atoi(argument(argc, argv, "watched", "2")); i++)
        listeners[i].order = must(calloc(1, sizeof *listeners[i].order));
}

int main(int argc, char **argv) {
    struct epoll_event ready[512];
    read_arguments(argc, argv);
    allow_many_files();
    setvbuf(stdout, NULL, _IOLBF, 0);
    poller = epoll_create1(EPOLL_CLOEXEC);
    watch(poller, EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN, NULL);
    for (mark();;) {
        dial_next();
        uint64_t before = events_total, started = now_ns();
        int many = epoll_wait(poller, ready, 512, spin ? 0 : 20);
        for (int i = 0; i < many; i++)
            if (ready[i].data.ptr) serve(ready[i].data.ptr);
            else read_orders();
        if (events_total != before) note_events();
        if (many > 0) busy += now_ns() - started;
        answer_pending();
    }
}
