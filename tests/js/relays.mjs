// Client A on relay 1 reaches client B on relay 2 and hears back. Usage: node relays.mjs RELAY_1 RELAY_2

import { registerService } from "@fluencelabs/js-client";
import { setTimeout as sleep } from "node:timers/promises";
import { callRelay, check, connect, run, same, tell, withData } from "./client.mjs";

const PARALLEL = 20;
const LINK_TRIES = 60;
const [address1, address2] = process.argv.slice(2);
const relay2 = address2.split("/p2p/")[1];

let a, b;
await check("both connect", async () => {
  [a, b] = await Promise.all([connect(address1), connect(address2)]);
});
tell({ a: a.getPeerId(), b: b.getPeerId() });

// The second relay dials the first at its own pace.
await check("the relays are linked", async () => {
  for (let i = 0; i < LINK_TRIES; i++) {
    if (await callRelay(a, "peer", "is_connected", [relay2])) {
      return;
    }
    await sleep(500);
  }
  throw new Error("relay 1 does not know relay 2");
});

registerService({
  peer: b,
  serviceId: "greeter",
  service: { greet: ({ args: [name] }) => `Hello, ${name}!` },
});

// A, relay 1, relay 2, B and the same way back; each relay adds what only it can know.
const SCRIPT = withData(
  ["relay2", "b", "name"],
  `(xor
     (seq
       (seq
         (seq
           (call -relay- ("peer" "is_connected") [relay2] linked)
           (call relay2 ("peer" "is_connected") [b] present))
         (call b ("greeter" "greet") [name] greeting))
       (seq
         (seq
           (call relay2 ("op" "concat_strings") [greeting " from 2"] echo)
           (call -relay- ("op" "array") [linked present echo] result))
         (call %init_peer_id% ("callbackSrv" "response") [result])))
     (seq
       (call -relay- ("op" "noop") [])
       (call %init_peer_id% ("errorHandlingSrv" "error") [%last_error% 0])))`,
);

const greet = (name) => run(a, SCRIPT, { relay2, b: b.getPeerId(), name });

await check("A reaches B over two relays", async () =>
  same(await greet("B"), [true, true, "Hello, B! from 2"]),
);

await check(`${PARALLEL} of them in parallel`, async () => {
  const names = Array.from({ length: PARALLEL }, (_, i) => `B${i}`);
  same(await Promise.all(names.map(greet)), names.map((name) => [true, true, `Hello, ${name}! from 2`]));
});

await check("disconnect", () => Promise.all([a.disconnect(), b.disconnect()]));
process.exit(0);
