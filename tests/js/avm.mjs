// AquaVM as a service of the tests: runs a particle's script once on its author's behalf and says what the script
// then asks of the author. One line of JSON per job: {job, particle, secret, data} (both in base64) gives
// {job, calls: [{service, function, arguments}], next: [peer ids]} or {job, error}.

import { createInterface } from "node:readline";
import { deserializeAvmResult, KeyPairFormat, serializeAvmArgs } from "@fluencelabs/avm";
// The package exports no way to the interpreter without a relay connection.
import { loadMarineDeps } from "./node_modules/@fluencelabs/js-client/dist/marine/loader.js";
import { MarineBackgroundRunner } from "./node_modules/@fluencelabs/js-client/dist/marine/worker/index.js";

const marine = new MarineBackgroundRunner(...(await loadMarineDeps("")));
await marine.start();

async function run({ particle, secret, data }) {
  const args = serializeAvmArgs(
    {
      initPeerId: particle.init_peer_id,
      currentPeerId: particle.init_peer_id,
      timestamp: particle.timestamp,
      ttl: particle.ttl,
      keyFormat: KeyPairFormat.Ed25519,
      particleId: particle.id,
      secretKeyBytes: Buffer.from(secret, "base64"),
    },
    particle.script,
    new Uint8Array(),
    new Uint8Array(Buffer.from(data, "base64")),
    [],
  );
  // The package leaves the switch for size limits undefined, which its own interpreter does not take.
  args[3].hard_limit_enabled = false;
  const outcome = deserializeAvmResult(await marine.callService("avm", "invoke", args));
  if (outcome.retCode !== 0) {
    throw new Error(`AquaVM: ${outcome.retCode} ${outcome.errorMessage}`);
  }
  const calls = outcome.callRequests.map(([, call]) => ({
    service: call.serviceId,
    function: call.functionName,
    arguments: call.arguments,
  }));
  return { calls, next: outcome.nextPeerPks };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { job, ...question } = JSON.parse(line);
  let answer;
  try {
    answer = await run(question);
  } catch (e) {
    answer = { error: e instanceof Error ? e.message : JSON.stringify(e) };
  }
  process.stdout.write(`${JSON.stringify({ job, ...answer })}\n`);
}
process.exit(0);
