// What one relay owes to a js-client. Usage: node suite.mjs RELAY_WS_MULTIADDR

import { CALLS, FAILURES, SETS } from "./builtins.mjs";
import { callRelay, check, connect, same, tell } from "./client.mjs";

const PARALLEL = 100;
const TAB_CALLS = 10;
const MIB = 1 << 20;

const relay = process.argv[2];
const relayId = relay.split("/p2p/")[1];
const seed = crypto.getRandomValues(new Uint8Array(32));

let client;
await check("connect", async () => {
  client = await connect(relay, seed);
});
tell({ client: client.getPeerId() });

const call = (service, fn, ...args) => callRelay(client, service, fn, args);

await check("op.identity round trip", async () => same(await call("op", "identity", "hello"), "hello"));

for (const [service, fn, args, want] of CALLS) {
  await check(`${service}.${fn} ${JSON.stringify(args)}`, async () => same(await call(service, fn, ...args), want));
}
for (const [service, fn, args, want] of SETS) {
  await check(`${service}.${fn} ${JSON.stringify(args)}`, async () =>
    same((await call(service, fn, ...args)).sort(), want),
  );
}
for (const [service, fn, args, want] of FAILURES) {
  await check(`${service}.${fn} ${JSON.stringify(args)} fails`, async () => {
    let error;
    try {
      const got = await call(service, fn, ...args);
      throw new Error(`got ${JSON.stringify(got)}, want the error '${want}'`);
    } catch (e) {
      error = e;
    }
    const text = typeof error?.message === "string" ? error.message : JSON.stringify(error);
    if (!text.includes(want) || (error instanceof Error && text.startsWith("got "))) {
      throw new Error(`failed with ${text}, want '${want}'`);
    }
    if (error.peer_id !== undefined) {
      same(error.peer_id, relayId);
    }
  });
}

await check("peer.identify", async () => {
  const info = await call("peer", "identify");
  for (const key of ["node_version", "air_version", "spell_version"]) {
    if (typeof info[key] !== "string") {
      throw new Error(`${key} is ${JSON.stringify(info[key])}`);
    }
  }
  for (const key of ["external_addresses", "allowed_binaries"]) {
    if (!Array.isArray(info[key])) {
      throw new Error(`${key} is ${JSON.stringify(info[key])}`);
    }
  }
});

await check("peer.timestamp_ms", async () => {
  const asked = Date.now();
  const got = await call("peer", "timestamp_ms");
  if (got < asked - 5_000 || got > Date.now() + 5_000) {
    throw new Error(`${got} is not now (${asked} to ${Date.now()})`);
  }
});

await check("peer.timestamp_sec", async () => {
  const asked = Date.now() / 1000;
  const got = await call("peer", "timestamp_sec");
  if (got < asked - 5 || got > Date.now() / 1000 + 5) {
    throw new Error(`${got} is not now (${asked} to ${Date.now() / 1000})`);
  }
});

await check("peer.is_connected knows this client", async () =>
  same(await call("peer", "is_connected", client.getPeerId()), true),
);
await check("peer.is_connected knows no stranger", async () =>
  same(await call("peer", "is_connected", "12D3KooWANqfCDrV79MZdMnMqTvDdqSAPSxdgFY1L6DCq2DVGB4D"), false),
);

await check("1 MiB argument", async () => {
  const big = Array.from({ length: MIB / 64 }, (_, i) => i.toString(16).padStart(64, "-")).join("");
  same(big.length, MIB);
  const got = await call("op", "identity", big);
  if (got !== big) {
    throw new Error(`came back changed (${got?.length} characters)`);
  }
});

await check(`${PARALLEL} particles in parallel`, async () => {
  const jobs = Array.from({ length: PARALLEL }, (_, i) => call("math", "mul", i, i));
  same(await Promise.all(jobs), Array.from({ length: PARALLEL }, (_, i) => i * i));
});

await check("lost connection is dialed again", async () => {
  for (const connection of client.connection.lib2p2Peer.getConnections()) {
    connection.abort(new Error("cut by the test"));
  }
  same(await call("op", "identity", "again"), "again");
});

await check("reconnects as the same peer after disconnect", async () => {
  const before = client.getPeerId();
  await client.disconnect();
  client = await connect(relay, seed);
  same(client.getPeerId(), before);
  same(await call("op", "identity", "back"), "back");
});

/** How many of `count` calls of one tab are answered with what they asked for. */
async function answered(tab, count) {
  const calls = Array.from({ length: count }, (_, i) => callRelay(tab, "op", "identity", [i]));
  const answers = await Promise.allSettled(calls);
  return answers.filter(({ value }, i) => value === i).length;
}

await check("three tabs with one key each get their answers", async () => {
  const tabs = [client, await connect(relay, seed), await connect(relay, seed)];
  same(await Promise.all(tabs.map((tab) => answered(tab, TAB_CALLS))), [TAB_CALLS, TAB_CALLS, TAB_CALLS]);
  // The newest and the oldest close: who is left is served.
  await tabs[2].disconnect();
  same(await Promise.all(tabs.slice(0, 2).map((tab) => answered(tab, TAB_CALLS))), [TAB_CALLS, TAB_CALLS]);
  await tabs[0].disconnect();
  same(await answered(tabs[1], TAB_CALLS), TAB_CALLS);
  client = tabs[1];
});

await check("disconnect", () => client.disconnect());
process.exit(0);
