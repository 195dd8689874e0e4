// Follows Laurel's streams of notices and prints each notice as a line of JSON: to begin a worker of your own with.
//
// It needs Node.js 18 and nothing else: the few lines that speak to Redis stand at the end. With a client library of
// your own, `send` is all that you replace. LAUREL_REDIS_URL, LAUREL_REDIS_PREFIX and FEED_GROUP come from the
// environment. Run one for each group; docs/feed.md says how several share the work.

import { connect } from "node:net";

const GROUP = process.env.FEED_GROUP ?? "example";
// Stays the same when the worker is started again: so it gets what it had in hand.
const CONSUMER = "only";
const PREFIX = process.env.LAUREL_REDIS_PREFIX ?? "laurel";
const STREAMS = Array.from({ length: 16 }, (_, partition) => `{${PREFIX}:notices:${partition}}`);
const [IN_HAND, NEW] = ["0", ">"];
const PAUSE_MILLISECONDS = 500;

// Does what the worker is for. It may come to the same notice twice, and then its `id` is the same.
function handle(notice) {
  process.stdout.write(JSON.stringify({ ...notice, values: JSON.parse(notice.values) }) + "\n");
}

// Makes the group where it is not there yet: what is told from now on is for it.
async function join(send) {
  for (const stream of STREAMS) {
    await send("XGROUP", "CREATE", stream, GROUP, "$", "MKSTREAM").catch((error) => {
      if (!error.message.startsWith("BUSYGROUP")) throw error;
    });
  }
}

// Handles everything, in order, until something goes wrong.
async function follow(send) {
  const begin = new Map(STREAMS.map((stream) => [stream, IN_HAND]));
  const last = new Map();
  for (;;) {
    const read = ["XREADGROUP", "GROUP", GROUP, CONSUMER, "COUNT", "100", "BLOCK", "2000"];
    const answer = await send(...read, "STREAMS", ...begin.keys(), ...begin.values());
    for (const [stream, entries] of answer ?? []) {
      if (entries.length === 0) begin.set(stream, NEW); // Nothing is left of what was in hand.
      for (const [entry, fields] of entries) {
        // One that was in hand for so long that the stream has dropped it has no fields.
        if (fields) {
          const notice = Object.fromEntries(pairs(fields));
          const before = last.get(stream);
          if (before !== undefined && Number(notice.previous) > before) {
            process.stderr.write(`missed what came after ${before}: read noticeFeed\n`);
          }
          last.set(stream, Math.max(before ?? 0, Number(notice.position)));
          handle(notice);
        }
        await send("XACK", stream, GROUP, entry);
      }
    }
  }
}

function* pairs(fields) {
  for (let at = 0; at < fields.length; at += 2) yield [fields[at], fields[at + 1]];
}

// Follows for ever, through whatever happens to Redis.
async function main() {
  const url = new URL(process.env.LAUREL_REDIS_URL ?? "redis://127.0.0.1:6379/0");
  let joined = false;
  for (;;) {
    const redis = open(url);
    try {
      if (url.password) await redis.send("AUTH", ...(url.username ? [url.username] : []), url.password);
      await redis.send("SELECT", url.pathname.slice(1) || "0");
      if (!joined) await join(redis.send);
      joined = true;
      await follow(redis.send);
    } catch (error) {
      // The group is gone with all that Redis held. Laurel makes it anew where it was, within a second or two.
      if (!/^(NOGROUP|LOADING|disconnected)/.test(error.message)) throw error;
    } finally {
      redis.close();
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS));
  }
}

// A connection to Redis by its protocol, RESP2: one command at a time.
function open(url) {
  const socket = connect(Number(url.port || 6379), url.hostname);
  let received = Buffer.alloc(0);
  let waiting = null;
  const lose = () => {
    waiting?.reject(new Error("disconnected"));
    waiting = null;
  };
  socket.on("error", lose).on("close", lose);
  socket.on("data", (part) => {
    received = Buffer.concat([received, part]);
    const found = parse(received, 0);
    if (found === null || waiting === null) return;
    received = received.subarray(found.end);
    const { resolve, reject } = waiting;
    waiting = null;
    if (found.value instanceof Error) reject(found.value);
    else resolve(found.value);
  });
  const send = (...words) =>
    new Promise((resolve, reject) => {
      if (socket.destroyed) return reject(new Error("disconnected"));
      waiting = { resolve, reject };
      const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
      socket.write(`*${words.length}\r\n${parts.join("")}`);
    });
  return { send, close: () => socket.destroy() };
}

// The value that begins at a place and where it ends; null where not all of it has come yet.
function parse(bytes, at) {
  const line = bytes.indexOf("\r\n", at);
  if (line < 0) return null;
  const [kind, text, next] = [String.fromCharCode(bytes[at]), bytes.toString("utf8", at + 1, line), line + 2];
  if (kind === "+") return { value: text, end: next };
  if (kind === "-") return { value: new Error(text), end: next };
  if (kind === ":") return { value: Number(text), end: next };
  const length = Number(text);
  if (length < 0) return { value: null, end: next };
  if (kind === "$") {
    const end = next + length;
    return bytes.length < end + 2 ? null : { value: bytes.toString("utf8", next, end), end: end + 2 };
  }
  const values = [];
  let end = next;
  for (let number = 0; number < length; number += 1) {
    const found = parse(bytes, end);
    if (found === null) return null;
    values.push(found.value);
    end = found.end;
  }
  return { value: values, end };
}

await main();
