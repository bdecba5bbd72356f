// An application in Aqua, compiled by the published compiler, and what it needs of its node as the operator: services,
// vault, spells, and the registry of the network. Usage: node application.mjs RELAY_1 RELAY_2 OPERATORS_SEED [HOST [PERIOD]]
// where HOST is the IPv4 address of this machine as the first relay sees it, and PERIOD the seconds between a spell's runs,
// more than one run takes there.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { registerService } from "@fluencelabs/js-client";
import { application, compile } from "./aqua.mjs";
import { callRelay, check, connect, same } from "./client.mjs";

const [relay1, relay2, seed, here = "127.0.0.1", period = "1"] = process.argv.slice(2);
const GUEST = new URL("../../wasm-host/tests/guests/wasm/files.wasm", import.meta.url);
/** CID of that file: it is one block. */
const GUEST_CID = "bafkreidqm4ycwosn245dol5h7ofwampull4fn53abjvslknw6hi4uwnz2q";
/** How often, and how many times, to look for what comes about by itself. */
const [PAUSE_MS, LOOKS] = [500, 120];

/** Waits until `look` gives something. */
async function until(what, look) {
  for (let i = 0; i < LOOKS; i++) {
    const found = await look();
    if (found) {
      return found;
    }
    await sleep(PAUSE_MS);
  }
  throw new Error(`in vain: ${what}`);
}

/** A trigger configuration that runs every `period` seconds from now on; 0: never. */
const every = (period) => ({
  clock: { start_sec: period === 0 ? 0 : 1, end_sec: 0, period_sec: period },
  connections: { connect: false, disconnect: false },
  blockchain: { start_block: 0, end_block: 0 },
});

let app, tick, operator, guest;
await check("the compiler takes the sources", async () => {
  app = application(await compile("application.aqua"));
  tick = (await compile("spell.aqua")).tick;
});
await check("connect as the operator, and as a guest", async () => {
  operator = await connect(relay1, Buffer.from(seed, "base64"));
  guest = await connect(relay1);
});

const wasm = await readFile(GUEST);
await check("a service is deployed from the script", async () => {
  const { module, service } = await app.deploy(operator, { name: "notes", wasm: wasm.toString("base64") });
  same(module, GUEST_CID);
  const { id, aliases, owner_id } = await callRelay(operator, "srv", "info", ["notes"]);
  same([id, aliases, owner_id], [service, ["notes"], operator.getPeerId()]);
});
await check("its interface is told", async () => {
  const { function_signatures } = await app.interface(guest, { name: "notes" });
  const save = function_signatures.find(({ name }) => name === "save_note");
  same(save.arguments, [["path", "string"], ["text", "string"]]);
  same(save.output_types, ["Note"]);
});
await check("it keeps files between calls", async () => {
  const file = { name: "notes", path: "/storage/greeting" };
  same((await app.save(guest, { ...file, text: "hello" })).problem, "");
  same((await app.load(guest, file)).text, "hello");
});
await check("script and service share the vault", async () => {
  const [path, problem, whole] = await app.through_the_vault(guest, { name: "notes", text: "the script" });
  same(problem, "");
  same(whole, "the script and the service");
  same((await app.of_another_particle(guest, { path })).includes("Incorrect vault path"), true);
});
await check("only the operator deploys", async () => {
  const refused = await app.deploy(guest, { name: "mine", wasm: "" }).then(
    () => "nothing",
    (error) => error.message ?? JSON.stringify(error),
  );
  if (!refused.includes("This function is only available to the host or worker spells")) {
    throw new Error(`refused with ${refused}`);
  }
});

await check("a service is deployed from IPFS, through the vault", async () => {
  const asked = [];
  const ipfs = createServer((request, response) => {
    asked.push(request.url);
    response.end(wasm);
  });
  await new Promise((listening) => ipfs.listen(0, "127.0.0.1", listening));
  const api = `/ip4/${here}/tcp/${ipfs.address().port}`;
  const deployed = await app.deploy_from_ipfs(operator, { name: "fetched", wasm: GUEST_CID, api });
  ipfs.close();
  same([deployed.module, asked], [GUEST_CID, [`/api/v0/block/get?arg=${GUEST_CID}`]]);
  same((await app.load(guest, { name: "fetched", path: "/storage/greeting" })).found, false);
});
await check("a service is taken down", async () => {
  const left = await app.take_down(operator, { name: "fetched" });
  same(left.some(({ aliases }) => aliases.includes("notes")), true);
  same(left.some(({ aliases }) => aliases.includes("fetched")), false);
});

await check("a spell runs, tells and stops", async () => {
  const id = await app.install(operator, {
    script: tick,
    data: { greeting: "run " },
    config: every(Number(period)),
    name: "ticker",
  });
  const [logs, runs, trigger] = await until("two runs", async () => {
    const told = await app.log_of(guest, { spell: "ticker" });
    return told[0].length >= 2 ? told : undefined;
  });
  // Each run tells its own number. A busy machine may end one before it tells: then that is missing.
  const numbers = logs.map((log) => Number(log.match(/^run (\d+)$/)?.[1]));
  const rising = numbers.every((number, at) => number > (numbers[at - 1] ?? 0) && number <= runs);
  same([rising, logs], [true, logs]);
  same([runs >= 2, JSON.parse(trigger).timer.length], [true, 1]);
  const status = await callRelay(guest, id, "get_string", ["runs"]);
  same([status.success, JSON.parse(status.value) >= 1], [true, true]);
  same(await app.reconfigure(operator, { spell: "ticker", config: every(0) }), every(0));
  const left = await app.uninstall(operator, { spell: "ticker" });
  same(left.includes(id), false);
});

await check("the system services are installed", async () => {
  const other = await connect(relay2);
  for (const [client, name] of [operator, other].flatMap((c) => [[c, "trust-graph"], [c, "registry"], [c, "registry-spell"]])) {
    await until(name, async () => (await callRelay(client, "srv", "resolve_alias_opt", [name])).length > 0);
  }
  await other.disconnect();
});
await check("the relays know each other", () => {
  const id = relay2.split("/p2p/")[1];
  return until(id, async () => (await callRelay(guest, "kad", "neighborhood", [id, [], []])).includes(id));
});
await check("what one peer offers in the registry another finds and calls", async () => {
  registerService({
    peer: operator,
    serviceId: "provider",
    service: { greet: ({ args: [name] }) => `Hello, ${name}!` },
  });
  const [resources, errors] = await app.offer(operator, { label: "greetings", value: "in English" });
  same([resources.length, errors], [1, []]);
  const [resource] = resources;
  same(await app.providers(guest, { resource }), [["in English"], []]);
  same(await app.ask_providers(guest, { resource, name: "guest" }), ["Hello, guest!"]);
  same((await app.withdraw(operator, { resource }))[0], true);
  same((await app.providers(guest, { resource }))[0], []);
});

await check("disconnect", () => Promise.all([operator, guest].map((client) => client.disconnect())));
process.exit(0);
