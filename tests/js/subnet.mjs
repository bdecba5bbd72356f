// A deal with three workers on three hosts. A script calls all of them and takes the first two answers; in the middle of it
// a node is killed. Usage: node subnet.mjs OPERATORS_SEED CHAIN_PORT NODE.. where NODE is `ADDRESS#PID` of the relay that
// asks the chain, of another relay, and of the hosts, the last of which is reached by way of the other relay.

import { readFile } from "node:fs/promises";
import { connect as open } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { registerService } from "@fluencelabs/js-client";
import { application, compile } from "./aqua.mjs";
import { serve } from "./chain.mjs";
import { callRelay, check, connect, same } from "./client.mjs";

const [seed, chainPort, ...stations] = process.argv.slice(2);
const DEAL = `0x${"8e".repeat(20)}`;
const GUEST = new URL("../../wasm-host/tests/guests/wasm/files.wasm", import.meta.url);
/** How often, and how many times, to look for what comes about by itself. */
const [PAUSE_MS, LOOKS] = [200, 300];

const nodes = stations.map((station) => {
  const [address, pid] = station.split("#");
  return { address, pid: Number(pid), id: address.split("/p2p/")[1] };
});
const [relay1, relay2, ...hosts] = nodes;
const far = hosts.at(-1);

/** Waits until `look` gives something true. */
async function until(what, look) {
  for (let i = 0; i < LOOKS; i++) {
    if (await look()) {
      return;
    }
    await sleep(PAUSE_MS);
  }
  throw new Error(`in vain: ${what}`);
}

/** Whether somebody listens at a node's address. */
function listens({ address }) {
  const [, , ip, , port] = address.split("/");
  return new Promise((found) => {
    const socket = open(Number(port), ip);
    socket.once("connect", () => found(true)).once("error", () => found(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** Ends a node's process without a farewell. */
async function kill(node) {
  process.kill(node.pid, "SIGKILL");
  await until("the end of a node", async () => !(await listens(node)));
}

/** A gate that opens for `some` of the workers when all stand before it and `first` is done; `stopped` came to it. */
function gate(some, first = async () => {}) {
  const stopped = [];
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  const pass = async ({ args: [worker] }) => {
    stopped.push(worker);
    if (stopped.length === workers.length) {
      await first();
      open();
    }
    await opened;
    if (!some.some((one) => one.worker === worker)) {
      await new Promise(() => {});
    }
  };
  return { stopped, pass };
}

let app, operator;
const workers = [];
await check("connect as the operator", async () => {
  app = application(await compile("subnet.aqua"));
  operator = await connect(relay1.address, Buffer.from(seed, "base64"));
});

/** The public key in a peer id, in hex. */
async function key(id) {
  const bytes = await callRelay(operator, "op", "bytes_from_b58", [id]);
  return Buffer.from(bytes.slice(-32)).toString("hex");
}

/** Whether the first relay knows where a node is. */
async function known({ id }) {
  const contact = await callRelay(operator, "peer", "get_contact", [id]);
  return contact.peer_id === id && contact.addresses.length > 0;
}

await check("the network comes together", async () => {
  for (const node of nodes.slice(1)) {
    await until(`${node.id} at the relay`, () => known(node));
  }
});
await check("each host joins the deal with a worker", async () => {
  const wasm = (await readFile(GUEST)).toString("base64");
  for (const [i, { id }] of hosts.entries()) {
    const unit = `c${i}`.repeat(32);
    const worker = await app.join_deal(operator, { host: id, deal_id: DEAL, unit, wasm });
    workers.push({ worker, host: id, unit });
  }
});
await check("the subnet is what the chain says", async () => {
  const keys = workers.map(async ({ worker, host, unit }) => ({
    worker: await key(worker),
    host: await key(host),
    unit,
  }));
  const chain = await serve(Number(chainPort), DEAL, await Promise.all(keys));
  chain.unref();
  const members = workers.map(({ worker, host, unit }) => ({ cu_ids: [`0x${unit}`], host_id: host, worker_id: [worker] }));
  same(await app.members(operator, { deal_id: DEAL }), { success: true, error: [], workers: members });
});

/** Runs the script with this gate, with one host reached by way of a relay; just `answering` answer, all had begun. */
async function firstTwo(text, { stopped, pass }, answering, route) {
  registerService({ peer: operator, serviceId: "gate", service: { pass } });
  const answers = await app.first_two(operator, { deal_id: DEAL, text, ...route });
  same(answers.map((answer) => answer.text), [text, text]);
  same(answers.map(({ worker }) => worker).sort(), answering.map(({ worker }) => worker).sort());
  same(stopped.sort(), workers.map(({ worker }) => worker).sort());
}

const [first, second, third] = workers;
const around = { far: far.id, relay: relay2.id };
await check("two replicas answer, nobody waits for the third", () =>
  firstTwo("in peace", gate([first, third]), [first, third], around));
await check("the relay of a worker is killed in the middle, two answer", () =>
  firstTwo("without a relay", gate(workers, () => kill(relay2)), [first, second], around));
await check("a worker's host is killed in the middle, two answer", () =>
  firstTwo("without a host", gate(workers, () => kill(hosts[1])), [first, third], { far: "nobody", relay: relay1.id }));
await check("with two nodes gone, the relay answers", async () => {
  same(await callRelay(operator, "op", "identity", ["still here"]), "still here");
  const { workers: listed } = await app.members(operator, { deal_id: DEAL });
  same(listed.length, 3);
});

await check("disconnect", () => operator.disconnect());
process.exit(0);
