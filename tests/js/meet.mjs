// The js-client against a bare libp2p peer: one particle each way. Usage: node meet.mjs PEER_WS_MULTIADDR

import { registerService } from "@fluencelabs/js-client";
import { check, connect, run, same, tell } from "./client.mjs";

const address = process.argv[2];
let client;
await check("connect", async () => {
  client = await connect(address);
});

const greeted = new Promise((resolve) => {
  registerService({
    peer: client,
    serviceId: "greeting",
    service: {
      hello: ({ args: [who] }) => {
        resolve(who);
        return "heard";
      },
    },
  });
});
tell({ client: client.getPeerId() });

// Nobody answers this one: the other side only looks at the frame.
run(client, `(call "${address.split("/p2p/")[1]}" ("op" "identity") ["from js"] x)`).catch(() => {});

await check("greeted by the other side", async () => same(await greeted, "from rust"));
process.exit(0);
