// A peer of js-libp2p that does what it is told. Usage: node peer.mjs FOLDER OPTIONS
//
// FOLDER holds the version of the library, OPTIONS are JSON: { transport, port, seed, key, kademlia, certificate,
// privateKey }. It prints where it listens, then reads orders from its input, one JSON object a line, and prints the
// outcome of each: { "ok": true, "value": .. } or { "ok": false, "error": .. }. It ends with its input.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import * as kademlia from "./kademlia.mjs";

/**
 * @typedef Stream
 * @property {(bytes: Uint8Array) => void} write
 * @property {() => Promise<void>} closeWrite
 * @property {() => Promise<Uint8Array | undefined>} read the next bytes; nothing at the end
 * @property {() => Promise<void>} close
 * @property {(error: Error) => void} abort
 */

// Newer parts of the older versions want it; Node.js 20 does not have it.
Promise.withResolvers ??= () => {
  let resolve, reject;
  const promise = new Promise((...both) => ([resolve, reject] = both));
  return { promise, resolve, reject };
};

const PING = "/ipfs/ping/1.0.0";
const IDENTIFY = "/ipfs/id/1.0.0";
const PARTICLE = "/fluence/particle/2.0.0";
const PATIENCE = 20_000;
const CLIENTS_AT_ONCE = 10;

const [folder, text] = process.argv.slice(2);
const options = JSON.parse(text);
const library = await import(`./${folder}/library.mjs`);
const peers = [];

const FORMS = { tcp: "", ws: "/ws", wss: ["js-0.46", "js-1"].includes(folder) ? "/wss" : "/tls/ws" };

async function start(listening) {
  const tls = options.transport === "wss" && {
    cert: readFileSync(options.certificate),
    key: readFileSync(options.privateKey),
  };
  const peer = await library.create({
    key: options.key ?? "Ed25519",
    seed: listening && options.seed ? Buffer.from(options.seed, "hex") : undefined,
    listen: listening ? [`/ip4/127.0.0.1/tcp/${options.port ?? 0}${FORMS[options.transport]}`] : [],
    tls: (listening && tls) || undefined,
    kademlia: options.kademlia,
  });
  peers.push(peer);
  return peer;
}

const main = await start(true);

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks until there is something. */
async function until(what, look) {
  const end = Date.now() + PATIENCE;
  while (true) {
    const found = await look();
    if (found) {
      return found;
    }
    if (Date.now() > end) {
      throw new Error(`waited ${PATIENCE} ms for ${what}`);
    }
    await wait(20);
  }
}

const connections = (id) => main.getConnections(id).filter((each) => each.status === undefined || each.status === "open");

async function open(id, protocol) {
  const [connection] = connections(id);
  if (connection === undefined) {
    throw new Error(`${id} is not connected`);
  }
  return library.adapt(await connection.newStream([protocol]));
}

/** What a stream brings, up to `count` bytes or to its end. */
async function received(stream, count = Infinity) {
  const parts = [];
  let length = 0;
  while (length < count) {
    const bytes = await stream.read();
    if (bytes === undefined) {
      break;
    }
    parts.push(bytes);
    length += bytes.length;
  }
  return Buffer.concat(parts);
}

const PINGED = Buffer.from("0123456789abcdef0123456789abcdef");

function same(got, want) {
  if (!got.equals(want)) {
    throw new Error(`got ${got.length} bytes: ${got.toString("hex")}`);
  }
}

async function echo(id) {
  const stream = await open(id, PING);
  stream.write(PINGED);
  same(await received(stream, PINGED.length), PINGED);
  await stream.close();
}

async function identifyOnce(id) {
  const stream = await open(id, IDENTIFY);
  const message = await received(stream);
  if (!message.includes(PARTICLE)) {
    throw new Error(`identify has ${message.length} bytes`);
  }
  await stream.close();
}

const multiaddrs = () => main.getMultiaddrs().map((address) => address.bytes);

let asked = 0;

/** Kademlia of a version whose own cannot speak the network's protocol: it names whoever is connected. */
async function serve(stream) {
  let bytes = Buffer.alloc(0);
  while (true) {
    const more = await stream.read();
    if (more === undefined) {
      return stream.close();
    }
    bytes = Buffer.concat([bytes, more]);
    for (let message = kademlia.read(bytes); message; message = kademlia.read(bytes)) {
      asked += 1;
      bytes = bytes.subarray(message.length);
      const known = await main.peerStore.all();
      const contacts = known.map(({ id, addresses }) => ({
        id: id.toBytes(),
        addresses: addresses.map(({ multiaddr }) => multiaddr.bytes),
      }));
      stream.write(kademlia.answer(contacts));
    }
  }
}

const bytesOf = (id) => id.toBytes?.() ?? id.toMultihash().bytes;

const orders = {
  /** Connects to an address. */
  async dial({ address }) {
    await main.dial(library.multiaddr(address), { signal: AbortSignal.timeout(PATIENCE) });
  },
  /** Waits until the peer is connected; whether it came by itself. */
  connected: ({ peer }) => until("a connection", () => connections(peer)[0]?.direction ?? connections(peer)[0]?.stat?.direction),
  /** Waits until the peer is gone. */
  gone: ({ peer }) => until("the end of the connection", () => connections(peer).length === 0),
  /** What identify told of the peer, once it names the protocol. */
  identify: ({ peer, protocol }) =>
    until("identify", async () => {
      const known = await main.peerStore.get(peer).catch(() => undefined);
      return (
        known?.protocols.includes(protocol) && {
          protocols: known.protocols,
          addresses: known.addresses.map(({ multiaddr }) => multiaddr.toString()),
        }
      );
    }),
  async ping({ peer }) {
    await main.services.ping.ping(peer);
  },
  /** Begins to speak Kademlia, of which the others are told by a push. */
  async push() {
    if (main.services.dht) {
      await main.services.dht.setMode("server");
    } else {
      await main.handle(options.kademlia, ({ stream }) => void serve(library.adapt(stream)).catch(() => {}));
    }
  },
  /** Searches with the library's own Kademlia; whether somebody named the peer. */
  async search({ target }) {
    if (!main.services.dht) {
      return true;
    }
    const key = bytesOf(library.peerIdFromString(target));
    for await (const event of main.services.dht.getClosestPeers(key, { signal: AbortSignal.timeout(PATIENCE) })) {
      const named = [...(event.closer ?? []), event.peer].filter(Boolean);
      if (named.some((each) => `${each.id ?? each}` === target)) {
        return true;
      }
    }
    return false;
  },
  /** Asks the peer who is close to `target`, and ends its side at once. */
  async halfClose({ peer, target }) {
    const stream = await open(peer, options.kademlia);
    stream.write(kademlia.question(bytesOf(library.peerIdFromString(target))));
    await stream.closeWrite();
    const message = kademlia.read(await received(stream));
    if (message === undefined) {
      throw new Error("the answer is cut off");
    }
    const ping = await open(peer, PING);
    ping.write(PINGED);
    await ping.closeWrite();
    same(await received(ping), PINGED);
    return message.peers.length;
  },
  /** Opens `count` streams one after another. */
  async streams({ peer, count }) {
    for (let index = 0; index < count; index += 1) {
      await echo(peer);
    }
  },
  /** Opens `count` streams at once. */
  async atOnce({ peer, count }) {
    await Promise.all(Array.from({ length: count }, () => identifyOnce(peer)));
  },
  /** Resets `count` streams, before and after their first bytes. */
  async resets({ peer, count }) {
    for (let index = 0; index < count; index += 1) {
      const stream = await open(peer, PING);
      if (index % 2 === 1) {
        stream.write(PINGED);
        await received(stream, PINGED.length);
      }
      stream.abort(new Error("reset by the test"));
    }
    await echo(peer);
  },
  /** Connects `count` peers that have keys of their own, pings over each connection while all are open. */
  async connections({ address, count }) {
    const clients = [];
    while (clients.length < count) {
      const more = Math.min(CLIENTS_AT_ONCE, count - clients.length);
      const started = await Promise.all(Array.from({ length: more }, () => start(false)));
      await Promise.all(started.map((client) => client.dial(library.multiaddr(address))));
      clients.push(...started);
    }
    const id = library.peerIdFromString(address.split("/p2p/")[1]);
    for (const client of clients) {
      await client.services.ping.ping(id);
    }
    await Promise.all(clients.map((client) => client.stop()));
  },
  /** How many questions of Kademlia came in, where that is known. */
  asked: () => asked,
  /** Ends all connections. */
  async stop() {
    await Promise.all(peers.map((peer) => peer.stop()));
  },
};

const tell = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

tell({ peer: main.peerId.toString(), addresses: main.getMultiaddrs().map(String) });

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  try {
    const peer = order.peer && library.peerIdFromString(order.peer);
    const value = await orders[order.do]({ ...order, peer });
    tell({ ok: true, value: value ?? null });
  } catch (error) {
    tell({ ok: false, error: `${error?.message ?? error}` });
  }
}
process.exit(0);
