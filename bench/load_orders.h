/* The orders that load_listen takes on stdin and what it answers; a part of load_listen.c, cut off for reading. */
#ifndef LOAD_ORDERS_H
#define LOAD_ORDERS_H

static void note_events(void) {
    last_event = now_ns();
    if (!first_event) first_event = last_event;
}

/* Counting begins anew; the order of seq goes on, for a gap across two marks is a gap. */
static void mark(void) {
    events_total = other_total = bytes_total = first_event = last_event = ages.count = busy = 0;
    for (int i = 0; i < count; i++) {
        listeners[i].events = listeners[i].bytes = 0;
        struct order *order = listeners[i].order;
        if (order) order->seen = order->repeated = order->backwards = order->gaps = 0;
    }
    marked = now_ns();
    cpu_marked = cpu_seconds();
}

/* While we spin, only the turns that found something to do are work. */
static double work_seconds(void) { return spin ? (double)busy / 1e9 : cpu_seconds() - cpu_marked; }

static void print_extremes(void) {
    uint64_t least = UINT64_MAX, most = 0;
    for (int i = 0; i < count; i++) {
        if (listeners[i].events < least) least = listeners[i].events;
        if (listeners[i].events > most) most = listeners[i].events;
    }
    printf("\"fewest\":%lu,\"most\":%lu,", count ? least : 0, most);
}

static void print_order(void) {
    struct order sum = {0};
    for (int i = 0; i < count; i++)
        if (listeners[i].order) {
            sum.seen += listeners[i].order->seen;
            sum.repeated += listeners[i].order->repeated;
            sum.backwards += listeners[i].order->backwards;
            sum.gaps += listeners[i].order->gaps;
        }
    printf("\"order\":{\"seen\":%lu,\"repeated\":%lu,\"backwards\":%lu,\"gaps\":%lu},",
        sum.seen, sum.repeated, sum.backwards, sum.gaps);
}

static void report(void) {
    uint64_t now = now_ns();
    printf("{\"connected\":%d,\"refused\":%d,\"closed\":%d,\"first_refusal\":", connected, refused, closed);
    print_text(first_refusal);
    printf(",\"events\":%lu,\"other\":%lu,\"bytes\":%lu,", events_total, other_total, bytes_total);
    print_extremes();
    print_order();
    printf("\"seconds\":%.6f,\"first_after\":%.6f,\"last_after\":%.6f,\"cpu_seconds\":%.6f,\"age_ms\":",
        (double)(now - marked) / 1e9, first_event ? (double)(first_event - marked) / 1e9 : 0,
        last_event ? (double)(last_event - marked) / 1e9 : 0, work_seconds());
    print_latency(&ages);
    printf("}\n");
    pending = NOTHING;
}

static void report_echoes(void) {
    printf("{\"round_trips\":%zu,\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"latency_ms\":", round_trips.count,
        (double)(now_ns() - marked) / 1e9, work_seconds());
    print_latency(&round_trips);
    printf("}\n");
    pending = NOTHING;
}

/* Each of the first SOCKETS listeners sends, waits for the ack and sends again, until SECONDS are over. */
static void start_echo(const char *line) {
    int sockets, end;
    double seconds;
    char event[128];
    if (sscanf(line, "echo %d %lf %127s %n", &sockets, &seconds, event, &end) < 3)
        die("echo SOCKETS SECONDS EVENT JSON");
    snprintf(echo_packet, sizeof echo_packet, "42%s7[\"%s\",%s]", prefix, event, line + end);
    round_trips.count = 0;
    mark();
    echo_until = now_ns() + (uint64_t)(seconds * 1e9);
    pending = ECHOING;
    for (int i = 0; i < count && i < sockets; i++)
        if (listeners[i].stage == CONNECTED) listeners[i].echoing = 1, echoing++, send_echo(&listeners[i]);
}

static void start_call(const char *line) {
    char event[128], packet[8192];
    int end, i = 0;
    if (sscanf(line, "call %127s %n", event, &end) < 1) die("call EVENT JSON");
    snprintf(packet, sizeof packet, "42%s7[\"%s\",%s]", prefix, event, line + end);
    while (i < count && listeners[i].stage != CONNECTED) i++;
    if (i == count) die("nobody is connected to call %s", event);
    pending = CALLING;
    send_packet(&listeners[i], packet);
}

static void start_wait(const char *line) {
    double seconds;
    if (sscanf(line, "wait %lu %lf", &wait_for, &seconds) < 2) die("wait EVENTS SECONDS");
    wait_until = now_ns() + (uint64_t)(seconds * 1e9);
    pending = COUNTING;
}

/* From now on nobody reads: what the server owes piles up there. */
static void stall(void) {
    for (int i = 0; i < count; i++)
        if (listeners[i].stage == CONNECTED) watch(poller, EPOLL_CTL_DEL, listeners[i].fd, 0, NULL);
    printf("{\"stalled\":%d}\n", connected);
}

static void obey(const char *line) {
    if (!strcmp(line, "report")) report();
    else if (!strcmp(line, "mark")) mark(), printf("{\"marked\":true}\n");
    else if (!strcmp(line, "stall")) stall();
    else if (!strncmp(line, "wait ", 5)) start_wait(line);
    else if (!strncmp(line, "call ", 5)) start_call(line);
    else if (!strncmp(line, "echo ", 5)) start_echo(line);
    else die("unknown order: %s", line);
}

static void read_orders(void) {
    static char line[8192];
    static size_t length;
    ssize_t got = read(STDIN_FILENO, line + length, sizeof line - 1 - length);
    if (got <= 0) exit(0);
    line[length += (size_t)got] = 0;
    for (char *end; (end = memchr(line, '\n', length));) {
        *end = 0;
        obey(line);
        length -= (size_t)(end + 1 - line);
        memmove(line, end + 1, length + 1);
    }
}

static void answer_pending(void) {
    if (pending == CONNECTING && connected + refused + closed == count) report();
    else if (pending == COUNTING && (events_total >= wait_for || now_ns() > wait_until)) report();
    else if (pending == ECHOING && !echoing) report_echoes();
}
#endif
