// Follows Laurel's streams of notices and prints each notice as a line of JSON: to begin a worker of your own with.
//
// It needs Node.js 18 and a Redis that is no Cluster: the few lines that speak to it stand at the end. With a client
// library of your own, `send` is all that you replace. LAUREL_REDIS_URL, LAUREL_REDIS_PREFIX and FEED_GROUP come from the
// environment. Run one for each group; docs/feed.md says how several share the work.

import { connect } from "node:net";
import { connect as connectSafely } from "node:tls";

const GROUP = process.env.FEED_GROUP ?? "example";
// Stays the same when the worker is started again: so it gets what it had in hand.
const CONSUMER = "only";
const PREFIX = process.env.LAUREL_REDIS_PREFIX ?? "laurel";
const STREAMS = Array.from({ length: 16 }, (_, partition) => `{${PREFIX}:notices:${partition}}`);
const [IN_HAND, NEW] = ["0", ">"];
const PAUSE_MILLISECONDS = 500;
// What Redis says while it starts, fails over, or has lost all: Laurel makes groups anew where they were.
const PASSES_BY_ITSELF = /^(NOGROUP|LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|ERR no such key|disconnected)/;

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

// The position up to which the group was given all that there was; 0 where that is not known.
async function delivered(send, stream) {
  for (const fields of await send("XINFO", "GROUPS", stream)) {
    const group = Object.fromEntries(pairs(fields));
    if (group.name === GROUP) return parseInt(group["last-delivered-id"]);
  }
  return 0;
}

// Tells what the stream has dropped before it was handled; noticeFeed(afterPosition:) still has it.
function miss(after, position) {
  process.stderr.write(`missed what came after ${after} and before ${position}\n`);
}

// Handles everything, in order, until something goes wrong. `last` is where each stream is.
async function follow(send, last) {
  const begin = new Map(STREAMS.map((stream) => [stream, IN_HAND]));
  for (const stream of STREAMS) last.set(stream, last.get(stream) || (await delivered(send, stream)));
  for (;;) {
    const read = ["XREADGROUP", "GROUP", GROUP, CONSUMER, "COUNT", "100", "BLOCK", "2000"];
    const answer = await send(...read, "STREAMS", ...begin.keys(), ...begin.values());
    for (const [stream, entries] of answer ?? []) {
      if (entries.length === 0) begin.set(stream, NEW); // Nothing is left of what was in hand.
      for (const [entry, fields] of entries) {
        const [position, before] = [parseInt(entry), last.get(stream)];
        if (!fields) {
          miss(position - 1, position + 1); // It was in hand for so long that the stream has dropped it.
        } else {
          const notice = Object.fromEntries(pairs(fields));
          if (before > 0 && Number(notice.previous) > before) miss(before, position);
          handle(notice);
        }
        last.set(stream, Math.max(before, position));
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
  const last = new Map();
  for (;;) {
    const redis = open(url);
    try {
      const credentials = [url.username, url.password].filter(Boolean).map(decodeURIComponent);
      if (credentials.length > 0) await redis.send("AUTH", ...credentials);
      await redis.send("SELECT", url.pathname.slice(1) || "0");
      if (!joined) await join(redis.send);
      joined = true;
      await follow(redis.send, last);
    } catch (error) {
      if (!PASSES_BY_ITSELF.test(error.message)) throw error;
    } finally {
      redis.close();
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS));
  }
}

// A connection to Redis by its protocol, RESP2: one command at a time.
function open(url) {
  const [port, host] = [Number(url.port || 6379), url.hostname];
  const socket = url.protocol === "rediss:" ? connectSafely({ port, host, servername: host }) : connect(port, host);
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
