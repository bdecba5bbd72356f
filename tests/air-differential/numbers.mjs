// Records how the reference reads numbers: `node numbers.mjs > ../../air/tests/vectors/numbers.json`.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const child = spawn('node', ['reference.mjs'], { stdio: ['pipe', 'pipe', 'inherit'] });
const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
const peer = '12D3KooWQbb6k91VYokt5K45RdSVM4oyN3QhkCNwwfqy1L3DWbsz';
const params = {
  init_peer_id: peer, current_peer_id: peer, timestamp: 0, ttl: 0, key_format: 0,
  secret_key_bytes: Buffer.alloc(32, 1).toString('base64'), particle_id: 'numbers',
  air_size_limit: 2 ** 24, particle_size_limit: 2 ** 26, call_result_size_limit: 2 ** 25, hard_limit_enabled: false,
};

async function run(air, prev_data, results) {
  const step = { air, prev_data, current_data: '', call_results: results.toString('base64'), params };
  child.stdin.write(JSON.stringify(step) + '\n');
  let line = '';
  while (!line.startsWith('{')) line = (await lines.next()).value;
  return JSON.parse(line);
}

// MessagePack, behind the multicodec of it.
const none = Buffer.from([0x81, 0x04, 0x80]);
function result(text) {
  const length = Buffer.alloc(5);
  length[0] = 0xdb;
  length.writeUInt32BE(Buffer.byteLength(text), 1);
  const head = Buffer.from('810481a13182a87265745f636f646500a6726573756c74', 'hex');
  return Buffer.concat([head, length, Buffer.from(text)]);
}

// The bytes of the arguments in the only request.
function argumentsOf(outcome) {
  const bytes = Buffer.from(outcome.call_requests, 'base64');
  const at = bytes.indexOf('arguments') + 'arguments'.length;
  const wide = bytes[at] === 0xc5 ? 2 : 1;
  const length = wide === 2 ? bytes.readUInt16BE(at + 1) : bytes[at + 1];
  return bytes.subarray(at + 1 + wide, at + 1 + wide + length).toString('hex');
}

// A generator of our own, so that the table can be recorded again.
let state = 88172645463325252n;
function random() {
  for (const [left, by] of [[true, 13n], [false, 7n], [true, 17n]]) {
    state ^= left ? (state << by) & (2n ** 64n - 1n) : state >> by;
  }
  return state;
}
function double() {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, random());
  return view.getFloat64(0);
}

const texts = ['0', '-0', '0.0', '-0.0', '1', '-1', '1.0', '0.1', '0.12379999458789825', '1e0', '1E+2', '1e-2', '0e0', '-0e7', '0e999999999999', '1e-999999999999'];
for (const power of [31n, 32n, 53n, 63n, 64n]) {
  for (const by of [-2n, -1n, 0n, 1n, 2n]) texts.push(`${2n ** power + by}`, `${-(2n ** power) - by}`);
}
texts.push('123456789012345678901234567890', '18446744073709551615.0', '18446744073709551616.5', '9007199254740993.0', '1.7976931348623157e308',
  '-1.7976931348623157e308', '17976931348623157e292', '4.9406564584124654e-324', '5e-324', '2.4703282292062327e-324', '2.2250738585072014e-308',
  '2.225073858507201e-308', '1e308', '1e309', '-1e309', '1e23', '1e22', '8.5e-7', '9.999999999999999e22', `0.${'0'.repeat(400)}1`, `1${'0'.repeat(308)}`,
  `1${'0'.repeat(309)}`, `0.${'123456789'.repeat(6)}`, '3.141592653589793', '2.718281828459045', '100000000000000000000.0');
while (texts.length < 400) {
  const number = double();
  if (!Number.isFinite(number)) continue;
  const small = Number(random() % 10n ** 17n) / 1e17;
  texts.push(String(number).replace('e+', 'e'), String(small), String(Math.fround(small)), String(Number(random() % 1000n) * 0.1),
    `${random()}e${Number(random() % 640n) - 340}`, `${random() % 100000n}.${random()}`);
}

const air = '(seq (call %init_peer_id% ("s" "f") [] x) (seq (ap x.$.a $s) (seq (canon %init_peer_id% $s #cc) '
  + '(call %init_peer_id% ("s" "g") [x x.$.a x.$.b.[0] #cc #cc.$.[0]]))))';
const values = [];
for (const text of texts) {
  const first = await run(air, '', none);
  const second = await run(air, first.data, result(`{"a":${text},"b":[${text}]}`));
  values.push(second.ret_code === 0 ? [text, argumentsOf(second)] : [text, second.ret_code, second.error_message]);
}
const literals = [];
for (const text of [...texts.slice(0, 60), '+3', '00012', '1.', '.5', '-.5', '1.5x', '-', '+', '1e5', '12345678.90', '123456789.01', '-1234567.89']) {
  const outcome = await run(`(call %init_peer_id% ("s" "g") [${text}])`, '', none);
  literals.push(outcome.ret_code === 0 ? [text, argumentsOf(outcome)] : [text, outcome.ret_code]);
}
const rows = (list) => list.map((row) => `    ${JSON.stringify(row)}`).join(',\n');
process.stdout.write(`{\n  "air": ${JSON.stringify(air)},\n  "values": [\n${rows(values)}\n  ],\n  "literals": [\n${rows(literals)}\n  ]\n}\n`);
child.kill();
