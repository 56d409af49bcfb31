// The official Socket.IO client as a dashboard uses it. It is told what to do by JSON lines on its input, and tells what
// comes of it by JSON lines on its output: {answer, value}, {heard: [event, body]}, {state, why}.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const tell = (line) => process.stdout.write(JSON.stringify(line) + "\n");

let socket;
let cursor; // where this client stands: what it resumes from

function follow(name, body) {
  if (name === "sync:ready" || name === "sync:resync") cursor = { epoch: body.epoch, seq: body.head };
  else if (body.prev <= cursor.seq && cursor.seq < body.seq) cursor.seq = body.seq;
}

const deeds = {
  connect({ url, namespace, token, place }) {
    cursor = place;
    socket = io(url + namespace, {
      transports: ["websocket"],
      // Asked again at each reconnect: nothing is missed, nothing comes twice. On /conversation each join says its own.
      auth: (give) => give(namespace === "/company" ? { token, ...cursor } : { token }),
      reconnectionDelay: 50,
      reconnectionDelayMax: 200,
    });
    socket.on("connect", () => tell({ state: "connected", why: "" }));
    socket.on("disconnect", (why) => tell({ state: "disconnected", why }));
    // Only a refusal carries data, and only a refusal is final: without it the client tries again by itself.
    socket.on("connect_error", ({ data, message }) =>
      tell(data ? { state: "refused", why: data.code } : { state: "unreachable", why: message }),
    );
    socket.onAny((name, body) => {
      follow(name, body);
      tell({ heard: [name, body] });
    });
  },
  call: ({ event, payload }) => socket.timeout(5000).emitWithAck(event, payload),
  leave: () => void socket.disconnect(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { answer, deed, ...details } = JSON.parse(line);
  // Not awaited: a dashboard goes on hearing, and saying, while it waits for an answer.
  Promise.resolve(deeds[deed](details)).then(
    (value) => tell({ answer, value }),
    (error) => tell({ answer, error: String(error) }),
  );
}
socket?.disconnect();
