// A chain that knows one deal: it answers JSON-RPC over HTTP as a node of the chain does to one who asks for the deal's workers.

import { createServer } from "node:http";

/** `getWorkers()` of a deal. */
const GET_WORKERS = "0xc1499f71";

const word = (hex) => hex.padStart(64, "0");
const number = (value) => word(value.toString(16));

/** `workers` as the contract returns them: `{worker, host, unit}`, all 32 bytes in hex. */
function encoded(workers) {
  const HEAD = 6;
  const records = workers.map(({ worker, host, unit }) =>
    [worker, number(1), host, number(0), number(7), number(HEAD * 32), number(1), unit].join(""),
  );
  const offsets = records.map((record, i) => number(32 * workers.length + i * (record.length / 2)));
  return `0x${[number(32), number(workers.length), ...offsets, ...records].join("")}`;
}

/** Serves the chain on `port`; `deal` (an address) has `workers`. */
export async function serve(port, deal, workers) {
  const result = encoded(workers);
  const answer = ({ id, method, params }) => {
    const [call] = params;
    const known = method === "eth_call" && call.to === deal && call.data === GET_WORKERS;
    return known
      ? { jsonrpc: "2.0", id, result }
      : { jsonrpc: "2.0", id, error: { code: -32601, message: `nobody asks for ${method}` } };
  };
  const server = createServer(async (request, response) => {
    const body = JSON.parse(Buffer.concat(await request.toArray()));
    response.end(JSON.stringify(Array.isArray(body) ? body.map(answer) : answer(body)));
  });
  await new Promise((listening) => server.listen(port, "127.0.0.1", listening));
  return server;
}
