/* The WebSocket frames (RFC 6455, section 5.2) that a Socket.IO client reads and writes. */
#ifndef LOAD_FRAMES_H
#define LOAD_FRAMES_H
#include "load_wire.h"

enum opcode { CONTINUED = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

struct frame {
    int opcode, final;
    const char *payload;
    size_t length;
};

/* Reads the frame at `data`; returns the bytes it takes, 0 when it is not all there. Servers do not mask. */
static inline size_t read_frame(const unsigned char *data, size_t available, struct frame *frame) {
    if (available < 2) return 0;
    size_t head = 2, length = data[1] & 127;
    if (length == 126) {
        if (available < 4) return 0;
        head = 4;
        length = (size_t)data[2] << 8 | data[3];
    } else if (length == 127) {
        if (available < 10) return 0;
        head = 10;
        length = 0;
        for (int i = 2; i < 10; i++) length = length << 8 | data[i];
    }
    if (available < head + length) return 0;
    *frame = (struct frame){data[0] & 15, data[0] >> 7, (const char *)data + head, length};
    return head + length;
}

/* Clients must mask; a mask of zeroes is a mask, and leaves the payload as it is. */
static inline int send_frame(int fd, enum opcode opcode, const char *payload, size_t length) {
    char data[70000];
    size_t head = length < 126 ? 6 : 8;
    if (length > 65535) die("this generator sends frames of at most 65535 bytes");
    data[0] = (char)(0x80 | opcode);
    data[1] = (char)(0x80 | (length < 126 ? length : 126));
    if (length >= 126) data[2] = (char)(length >> 8), data[3] = (char)length;
    memset(data + head - 4, 0, 4);
    memcpy(data + head, payload, length);
    return send_whole(fd, data, head + length);
}
#endif
