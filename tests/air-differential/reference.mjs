// The reference interpreter as a filter: a JSON object per line in, one per line out.
//
// It is a Marine module, called as its host does it: values are put where `allocate` says, records
// field by field without padding, and results lie where `get_result_ptr` says.
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

const module = await WebAssembly.compile(await readFile(new URL('avm.wasm', import.meta.url)));
const BYTE = 1;
// Memory is never given back; beyond this an instance is made anew.
const MAX_MEMORY = 1 << 28;

let instance;
const memory = () => new Uint8Array(instance.exports.memory.buffer);
const view = () => new DataView(instance.exports.memory.buffer);

const wasi = {
  environ_get: () => 0,
  environ_sizes_get: (count, size) => {
    view().setUint32(count, 0, true);
    view().setUint32(size, 0, true);
    return 0;
  },
  clock_time_get: (_clock, _precision, time) => {
    view().setBigUint64(time, 0n, true);
    return 0;
  },
  random_get: (at, len) => {
    for (let from = at; from < at + len; from += 65536) {
      crypto.getRandomValues(memory().subarray(from, Math.min(from + 65536, at + len)));
    }
    return 0;
  },
  fd_write: (_file, vectors, count, written) => {
    let total = 0;
    for (let index = 0; index < count; index += 1) total += view().getUint32(vectors + 8 * index + 4, true);
    view().setUint32(written, total, true);
    return 0;
  },
  sched_yield: () => 0,
  proc_exit: (code) => {
    throw new Error(`exit ${code}`);
  },
};

async function start() {
  // The memory of the instance before is seen as a few bytes, so nothing else would collect it.
  instance = undefined;
  globalThis.gc?.();
  instance = await WebAssembly.instantiate(module, {
    wasi_snapshot_preview1: wasi,
    __marine_host_api_v3: { log_utf8_string: () => {} },
  });
  instance.exports._initialize?.();
  instance.exports._start?.();
}

function lower(bytes) {
  const at = instance.exports.allocate(bytes.length, BYTE);
  memory().set(bytes, at);
  return [at, bytes.length];
}

function lowerParams(params) {
  const parts = [];
  const number = (value, bytes) => {
    const part = Buffer.alloc(bytes);
    if (bytes === 8) part.writeBigUInt64LE(BigInt(value));
    else part.writeUIntLE(value, 0, bytes);
    parts.push(part);
  };
  const bytes = (value) => lower(value).forEach((word) => number(word, 4));
  bytes(Buffer.from(params.init_peer_id));
  bytes(Buffer.from(params.current_peer_id));
  number(params.timestamp, 8);
  number(params.ttl, 4);
  number(params.key_format, 1);
  bytes(Buffer.from(params.secret_key_bytes, 'base64'));
  bytes(Buffer.from(params.particle_id));
  number(params.air_size_limit, 8);
  number(params.particle_size_limit, 8);
  number(params.call_result_size_limit, 8);
  number(Number(params.hard_limit_enabled), 1);
  return lower(Buffer.concat(parts))[0];
}

function invoke(input) {
  const { exports } = instance;
  const blob = (text) => lower(Buffer.from(text, 'base64'));
  exports.invoke(
    ...lower(Buffer.from(input.air)),
    ...blob(input.prev_data),
    ...blob(input.current_data),
    lowerParams(input.params),
    ...blob(input.call_results),
  );
  let at = exports.get_result_ptr();
  const numbers = view();
  const word = () => numbers.getUint32((at += 4) - 4, true);
  const slice = () => {
    const [from, len] = [word(), word()];
    return Buffer.from(exports.memory.buffer, from, len);
  };
  const ret_code = Number(numbers.getBigInt64((at += 8) - 8, true));
  const error_message = slice().toString();
  const data = slice().toString('base64');
  const [peers, count] = [word(), word()];
  const call_requests = slice().toString('base64');
  const next_peer_pks = Array.from({ length: count }, (_, index) => {
    at = peers + 8 * index;
    return slice().toString();
  });
  exports.release_objects();
  return { ret_code, error_message, data, next_peer_pks, call_requests };
}

await start();
for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = invoke(JSON.parse(line));
  } catch (error) {
    answer = { trap: String(error) };
  }
  if (answer.trap || instance.exports.memory.buffer.byteLength > MAX_MEMORY) await start();
  process.stdout.write(JSON.stringify(answer) + '\n');
}
