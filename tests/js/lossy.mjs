// The js-client on a relay behind a bad link. Usage: node lossy.mjs RELAY_WS_MULTIADDR PARALLEL SIZE..

import { callRelay, check, connect, same } from "./client.mjs";

const [relay, parallel, ...sizes] = process.argv.slice(2);
const identity = (client, text) => callRelay(client, "op", "identity", [text]);

let client;
await check("connect", async () => {
  client = await connect(relay);
});
await check("the relay knows this client", async () =>
  same(await callRelay(client, "peer", "is_connected", [client.getPeerId()]), true),
);
for (const size of sizes) {
  await check(`${size} bytes there and back`, async () => {
    const text = "abcdefghijklmnopqrstuvwxyz".repeat(size / 26 + 1).slice(0, size);
    same((await identity(client, text)) === text, true);
  });
}
await check(`${parallel} particles at once`, async () => {
  const texts = Array.from({ length: parallel }, (_, i) => `number ${i}`);
  same(await Promise.all(texts.map((text) => identity(client, text))), texts);
});
await check("disconnect", () => client.disconnect());
process.exit(0);
