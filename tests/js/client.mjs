// The js-client with the few things the suites share: connecting, raw AIR calls, and verdict lines.

import { createClient, callAquaFunction } from "@fluencelabs/js-client";

// A test machine may emulate its CPU; what is late here is late by far.
export const TTL_MS = 180_000;

/** Connects to the relay at `address`; `seed` (32 bytes) fixes the client's identity. */
export function connect(address, seed) {
  const source = seed ?? "random";
  return createClient(address, {
    keyPair: { type: "Ed25519", source },
    defaultTtlMs: TTL_MS,
  });
}

/** Runs an AIR script on `client`; `args` are its data services. Resolves with what `callbackSrv.response` got. */
export function run(client, script, args = {}) {
  return callAquaFunction({
    peer: client,
    script,
    args,
    config: { ttl: TTL_MS },
    fireAndForget: false,
  });
}

/** AIR that fetches the values called `names` (and the relay's peer id) into variables, then runs `body`. */
export function withData(names, body) {
  return ["-relay-", ...names].reduceRight(
    (rest, name) => `(seq (call %init_peer_id% ("getDataSrv" "${name}") [] ${name}) ${rest})`,
    body,
  );
}

/** Calls one service function on the relay: `args` go there as script variables, the result comes back. */
export function callRelay(client, service, fn, args) {
  const data = Object.fromEntries(args.map((value, i) => [`a${i}`, value]));
  const names = Object.keys(data);
  const script = withData(
    names,
    `(xor
       (seq
         (call -relay- ("${service}" "${fn}") [${names.join(" ")}] result)
         (call %init_peer_id% ("callbackSrv" "response") [result]))
       (call %init_peer_id% ("errorHandlingSrv" "error") [%last_error% 0]))`,
  );
  return run(client, script, data);
}

/** JSON with object keys sorted: what two equal results have in common. */
export function canonical(value) {
  return JSON.stringify(value, (_, v) =>
    v !== null && typeof v === "object" && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  );
}

/** Throws unless `got` equals `want` as JSON. */
export function same(got, want) {
  const [a, b] = [canonical(got), canonical(want)];
  if (a !== b) {
    throw new Error(`got ${clip(a)}, want ${clip(b)}`);
  }
}

function clip(text) {
  return text !== undefined && text.length > 400 ? `${text.slice(0, 400)}... (${text.length} characters)` : text;
}

/** Runs one check and prints its verdict as one line of JSON: {check, ok, ms, error?}. */
export async function check(name, body) {
  const start = performance.now();
  let error;
  try {
    await body();
  } catch (e) {
    error = e instanceof Error ? e.message : JSON.stringify(e);
  }
  const verdict = { check: name, ok: error === undefined, ms: Math.round(performance.now() - start), error };
  process.stdout.write(`${JSON.stringify(verdict)}\n`);
}

/** Says something to the harness that is not a verdict. */
export function tell(fact) {
  process.stdout.write(`${JSON.stringify(fact)}\n`);
}
