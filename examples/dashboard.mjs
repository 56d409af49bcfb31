// A dashboard that survives a closed laptop: one inbox, live, nothing missed, nothing twice. `npm install socket.io-client@4.8`
//
// storage   { read(), write(session) }: shared by the tabs of a browser, as localStorage is
// shown     the id of the conversation that is open, or a function that returns it
// changed   called with the inbox whenever it has changed: draw it
// signIn    called once with an error, { code, message }, when only signing in again helps
import { io } from "socket.io-client";

const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));

/** Ask over REST. Try again while that helps: the network is away, 429, 503. Anything else is returned: { success, data | error }. */
export async function ask(url, method, path, { token, body } = {}) {
  for (let pause = 250; ; pause = Math.min(2 * pause, 10_000)) {
    let wait = pause * (0.5 + Math.random()); // or all who lost the same server would come back as one
    try {
      const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
      const answer = await (await fetch(`${url}/api/v1${path}`, { method, headers, body: JSON.stringify(body) })).json();
      if (answer.success || !answer.error.retryable) return answer;
      wait = Math.max(wait, 1000 * (answer.error.retry_after ?? 0));
    } catch {} // no answer, or none that is ours
    await sleep(wait);
  }
}

/** Sign in with an address and a password, and keep the session. Throws { code, message } when that is refused. */
export async function signIn(url, storage, email, password) {
  const { success, data, error } = await ask(url, "POST", "/auth/login", { body: { email, password } });
  if (!success) throw error;
  storage.write({ ...data, renew_at: Date.now() + 750 * data.expires_in });
}

/** Follow the inbox. Returns { inbox, send, close }; `inbox` holds conversations and messages by their ids. */
export function openDashboard({ url, storage, shown, changed, signIn: showSignIn }) {
  const inbox = { conversations: new Map(), messages: new Map() };
  let session = storage.read(); // { access_token, refresh_token, expires_in, renew_at }
  let cursor = {}; // { epoch, seq }: how far the inbox has come; kept as long as the inbox itself
  let timer, renewing, loading, end;
  const over = new Promise((_, reject) => (end = reject)); // rejected when only signing in again helps
  over.catch(showSignIn);

  const socket = io(`${url}/company`, {
    transports: ["websocket"], // the server speaks WebSocket only
    retries: 10, // a message whose ack was lost is sent again, and stored once: its client_message_id says so
    ackTimeout: 5000,
    auth: (cb) => cb({ token: session.access_token, ...cursor }), // called at each reconnect, so the stream resumes at your cursor
  });
  socket.on("connect_error", ({ data }) => {
    if (data?.code === "token_expired") renew(); // after a night's sleep
    else if (data) signedOut(data); // a refusal is final; without data the network is away, and the client tries again
  });
  socket.on("sync:ready", ({ epoch, head, resumed }) => {
    cursor = { epoch, seq: head };
    if (!resumed) load(); // the first time, and whenever the log cannot tell what was missed
  });
  socket.onAny((name, event) => {
    if (!(event?.seq > cursor.seq)) return; // typing and presence have no seq
    cursor = { ...cursor, seq: event.seq };
    hold(inbox.conversations, event.conversation, event.seq);
    hold(inbox.messages, event.message, event.seq);
    changed(inbox, event);
  });

  /** Keep the newer of two states: a page that was read over REST may be older, or newer, than the events that came meanwhile. */
  function hold(things, thing, version = thing.version) {
    const held = thing && things.get(thing.id);
    if (thing && !(held?.version >= version)) things.set(thing.id, { ...held, ...thing, version });
  }

  /** Load the state anew; events go on being applied meanwhile. */
  function load() {
    const mine = (loading = {}); // a later load makes this one void
    inbox.conversations.clear(); // versions of another epoch compare with nothing
    inbox.messages.clear();
    read("/conversations?limit=200").then(async (conversations) => {
      const id = typeof shown === "function" ? shown() : shown;
      const messages = id ? await read(`/conversations/${id}/messages?limit=200`) : [];
      if (loading !== mine) return;
      for (const each of conversations) hold(inbox.conversations, each);
      for (const each of messages) hold(inbox.messages, each);
      changed(inbox);
    }).catch(signedOut);
  }

  async function read(path) {
    const { success, data, error } = await ask(url, "GET", path, { token: session.access_token });
    if (success) return data;
    if (error.code === "token_expired" && (await renew())) return read(path);
    throw error;
  }

  /** Stop for good: what waits to be sent is refused with the error, and the user is told, once. */
  function signedOut(error) {
    clearTimeout(timer);
    socket.disconnect();
    end(error);
    return false;
  }

  /** Renew the session, once however many ask. A refresh token is worth one use, and all tabs share it. */
  function renew() {
    return (renewing ??= renewNow().finally(() => (renewing = undefined)));
  }

  async function renewNow() {
    const kept = storage.read();
    if (kept.refresh_token !== session.refresh_token) session = kept; // another tab was here first
    else {
      const { refresh_token } = session;
      const { success, data, error } = await ask(url, "POST", "/auth/refresh", { body: { refresh_token } });
      if (!success) return signedOut(error);
      storage.write((session = { ...data, renew_at: Date.now() + 750 * data.expires_in }));
    }
    plan();
    const told = socket.connected && (await tell("auth:refresh", { token: session.access_token }));
    if (!told) socket.disconnect().connect(); // resumes at the cursor
    return true;
  }

  function plan() {
    clearTimeout(timer); // before it expires; a laptop that sleeps meanwhile is woken by connect_error
    timer = setTimeout(renew, Math.max(0, session.renew_at - Date.now()));
  }

  /** Send what must not wait behind messages (volatile: it is not queued), and return whether it was taken. */
  const tell = (name, body) =>
    socket.volatile.timeout(5000).emitWithAck(name, body).then(({ ok }) => ok, () => false);

  /** Send a message. The id is made once: however often it is sent with it, it is one message. */
  async function send(conversation_id, content, client_message_id = crypto.randomUUID()) {
    const message = { conversation_id, content, client_message_id };
    const { ok, data, error } = await Promise.race([socket.emitWithAck("message:send", message), over]);
    if (ok) return data; // { id, seq, conversation_id, duplicate }
    if (error.code === "token_expired" && (await renew())) return send(conversation_id, content, client_message_id);
    if (!error.retryable) throw error; // { code, message, details, retryable }
    await sleep(1000 * (error.retry_after ?? 1));
    return send(conversation_id, content, client_message_id);
  }

  plan();
  return { inbox, send, close: () => (clearTimeout(timer), socket.disconnect()) };
}

/** Return the messages of a conversation as they are shown, the newest last. */
export function messagesOf(inbox, conversation_id) {
  return [...inbox.messages.values()].filter((each) => each.conversation_id === conversation_id).sort((a, b) => a.seq - b.seq);
}
