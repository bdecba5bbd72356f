// The reference interpreter as a filter: a JSON object per line in, one per line out.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { MarineService } from '@fluencelabs/marine-js/MarineService';

const require = createRequire(import.meta.url);
const file = (name) => readFile(require.resolve(name));
const control = await WebAssembly.compile(await file('@fluencelabs/marine-js/marine-js.wasm'));
const avm = new Uint8Array(await readFile(new URL('avm.wasm', import.meta.url)));

const config = {
  modules_config: [
    {
      import_name: 'avm',
      config: {
        logger_enabled: true,
        logging_mask: 0,
        wasi: { envs: {}, preopened_files: new Set(), mapped_dirs: new Map() },
      },
    },
  ],
};
const callParameters = {
  particle: { id: '', init_peer_id: '', timestamp: 0, ttl: 0, script: '', signature: [], token: '' },
  service_id: 'avm',
  service_creator_peer_id: '',
  host_id: '',
  worker_id: '',
  tetraplets: [],
};

let service;
async function start() {
  service = new MarineService(control, 'avm', () => {}, config, { avm }, {});
  await service.init();
}
await start();

const bytes = (text) => Array.from(Buffer.from(text, 'base64'));
const base64 = (numbers) => Buffer.from(numbers).toString('base64');

for await (const line of createInterface({ input: process.stdin })) {
  const input = JSON.parse(line);
  const params = { ...input.params, secret_key_bytes: bytes(input.params.secret_key_bytes) };
  const args = [input.air, bytes(input.prev_data), bytes(input.current_data), params, bytes(input.call_results)];
  let answer;
  try {
    const outcome = service.call('invoke', args, callParameters);
    const result = outcome.result ?? outcome;
    if (result.ret_code === undefined) {
      throw new Error(outcome.error ?? JSON.stringify(outcome));
    }
    answer = { ...result, data: base64(result.data), call_requests: base64(result.call_requests) };
  } catch (error) {
    answer = { trap: String(error) };
    await start();
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
