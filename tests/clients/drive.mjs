// examples/dashboard.mjs, told what to do by JSON lines {id, deed, ...} on its input; it answers {id, value} or {id, error}.
import { readFileSync, writeFileSync, renameSync } from "node:fs";
import { createInterface } from "node:readline";
import { messagesOf, openDashboard, signIn } from "./dashboard.mjs";

const tell = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const until = (moment) => new Promise((wake) => setTimeout(wake, Math.max(0, moment - Date.now())));
const expiryOf = ({ access_token }) => 1000 * JSON.parse(Buffer.from(access_token.split(".")[1], "base64url")).exp;

const asked = []; // what the user was told at the sign-in page
const seqs = []; // of the events that were applied
let dashboard, storage, shown, renewals = 0, loads = 0;

// What the tabs of a browser share. A laptop that sleeps wakes up long after its timers should have rung.
const fileStorage = (file, sleepy) => ({
  read: () => JSON.parse(readFileSync(file, "utf8")),
  write(session) {
    renewals += 1;
    writeFileSync(`${file}.${process.pid}`, JSON.stringify(sleepy ? { ...session, renew_at: Date.now() + 3_600_000 } : session));
    renameSync(`${file}.${process.pid}`, file);
  },
});

const deeds = {
  async open({ url, file, sleepy, email, password, conversation_id }) {
    storage = fileStorage(file, sleepy);
    if (email) await signIn(url, storage, email, password);
    renewals = 0;
    shown = conversation_id;
    const changed = (_, event) => (event ? seqs.push(event.seq) : (loads += 1));
    dashboard = openDashboard({ url, storage, shown, changed, signIn: ({ message }) => asked.push(message) });
  },
  send: ({ content }) => dashboard.send(shown, content),
  async sendAroundExpiry({ contents }) {
    const expiry = expiryOf(storage.read());
    return Promise.all(
      contents.map(async (content, place) => {
        await until(expiry + 15 * (place - contents.length / 2));
        return dashboard.send(shown, content);
      }),
    );
  },
  expired: () => expiryOf(storage.read()) < Date.now(),
  state() {
    const messages = messagesOf(dashboard.inbox, shown).map(({ id, content }) => [id, content]);
    return { messages, seqs, asked, renewals, loads };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, deed, ...details } = JSON.parse(line);
  Promise.resolve(details)
    .then(deeds[deed]) // not awaited: a dashboard goes on while it waits for an answer
    .then((value) => tell({ id, value }), (error) => tell({ id, error: error.stack ?? JSON.stringify(error) }));
}
dashboard?.close();
process.exit(0);
