/* What a few listeners look at closely: how old each message is when it comes, and whether `seq` only rises. */
#ifndef LOAD_SAMPLES_H
#define LOAD_SAMPLES_H
#include "load_wire.h"

#define THREADS 1024
#define STAMP_MARK "#sent="

struct order {
    uint64_t seen, repeated, backwards, gaps;
    struct { uint64_t thread, last; } heads[THREADS];
};

static inline uint64_t number_after(const char *text, size_t length, const char *mark) {
    const char *found = memmem(text, length, mark, strlen(mark));
    return found ? strtoull(found + strlen(mark), NULL, 10) : 0;
}

/* A hash of the string value after `mark` (FNV-1a), never 0; 1 when there is none or no mark was asked for. */
static inline uint64_t thread_of(const char *text, size_t length, const char *mark) {
    const char *found = *mark ? memmem(text, length, mark, strlen(mark)) : NULL;
    uint64_t hash = 14695981039346656037ull;
    if (!found) return 1;
    for (const char *c = found + strlen(mark); c < text + length && *c != '"'; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211ull;
    return hash ? hash : 1;
}

/* Within one thread (the company, or one conversation where a server numbers those) seq must rise by one. */
static inline void check_order(struct order *order, uint64_t thread, uint64_t seq) {
    size_t slot = thread % THREADS;
    for (size_t tries = 0; order->heads[slot].thread && order->heads[slot].thread != thread; tries++) {
        if (tries == THREADS) die("more than %d threads to keep in order", THREADS);
        slot = (slot + 1) % THREADS;
    }
    uint64_t last = order->heads[slot].last;
    order->seen++;
    if (last && seq == last) order->repeated++;
    else if (last && seq < last) order->backwards++;
    else if (last && seq > last + 1) order->gaps++;
    order->heads[slot].thread = thread;
    if (seq > last) order->heads[slot].last = seq;
}

static inline void forget_order(struct order *order) { memset(order, 0, sizeof *order); }
#endif
