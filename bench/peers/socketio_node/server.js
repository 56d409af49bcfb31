// Node's Socket.IO as its makers ship it, for the engine's figures: a room, an echo, a fan-out on demand.
//
// Environment: PORT; JWT_ACCESS_SECRET (when set, the handshake must carry a valid token). Prints {"ready": true}.
//   echo <anything>          → ack with the same
//   go {n, size, burst}      → `message:new` n times to the room, `burst` of them a tick;
//                              ack {events, seconds, cpu_seconds}
//   stats                    → ack {connections, cpu_seconds, rss_bytes}
import { createSecretKey } from 'node:crypto';
import { createServer } from 'node:http';
import jwt from 'jsonwebtoken';
import { Server } from 'socket.io';

const { PORT = '4000', JWT_ACCESS_SECRET } = process.env;
const ROOM = 'company:bench';
// A key object, for a string is first tried as a public key, which makes a connect cost three times as much.
const secret = JWT_ACCESS_SECRET && createSecretKey(Buffer.from(JWT_ACCESS_SECRET));
const server = createServer();
let seq = 0;
const io = new Server(server, { transports: ['websocket'], perMessageDeflate: false, serveClient: false });

function cpuSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

const nextTick = () => new Promise((resolve) => { setImmediate(resolve); });

async function emitAll({ n, size, burst }) {
  const data = 'x'.repeat(size);
  for (let sent = 1; sent <= n; sent += 1) {
    seq += 1;
    io.to(ROOM).emit('message:new', { type: 'message:new', seq, data });
    if (sent % burst === 0) await nextTick();
  }
}

async function go(order, ack) {
  const started = performance.now();
  const cpu = cpuSeconds();
  await emitAll(order);
  ack({ events: order.n, seconds: (performance.now() - started) / 1000, cpu_seconds: cpuSeconds() - cpu });
}

function stats(_, ack) {
  global.gc?.();
  ack({ connections: io.engine.clientsCount, cpu_seconds: cpuSeconds(), rss_bytes: process.memoryUsage.rss() });
}

function checkToken(socket, next) {
  try {
    jwt.verify(socket.handshake.auth.token, secret, { algorithms: ['HS256'] });
    next();
  } catch {
    next(new Error('unauthenticated'));
  }
}

if (secret) io.use(checkToken);
io.on('connection', (socket) => {
  socket.join(ROOM);
  socket.on('echo', (value, ack) => ack(value));
  socket.on('go', go);
  socket.on('stats', stats);
});
server.listen(Number(PORT), '127.0.0.1', 4096, () => console.log('{"ready":true}'));
