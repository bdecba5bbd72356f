// Records how the reference reads numbers: `node numbers.mjs > ../../air/tests/vectors/numbers.json`.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { texts } from './texts.mjs';

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

// Numbers in errors: as the value that does not fit, and in the text of an instruction. Each script
// asks for one call and reads its result, which is `x`.
const ask = (then) => `(seq (call %init_peer_id% ("s" "f") [] x) ${then})`;
const caught = (what) => `(xor ${what} (call %init_peer_id% ("s" "g") [:error: :error:.$.message :error:.$.instruction]))`;
const scripts = [
  '(ap x.$.a.k y)', '(ap x.$.b.k y)', '(ap x.$.a.[0] y)', '(seq (ap x.$.a n) (ap x.$.b.[n] y))',
  '(seq (ap x.$.a n) (seq (ap 1 $s) (seq (canon %init_peer_id% $s #cc) (ap #cc.$.[n] y))))',
  '(call x.$.a ("s" "f") [])', '(call %init_peer_id% (x.$.a "f") [])', '(call %init_peer_id% ("s" x.$.a) [])',
  '(fail x.$.a)', '(ap (x.$.a 1) %m)', '(canon x.$.a $s #cc)', '(fold x.$.a i (null))', '(fold x i (null))', '(fail x)', caught('(fail x)'),
  '(seq (ap x.$.a n) (seq (ap (n 1) %m) (seq (canon %init_peer_id% %m #%cc) (call %init_peer_id% ("s" "g") [#%cc #%cc.$.[n]]))))',
  '(seq (ap (x.$.a x.$.a) %m) (fold %m i (seq (call %init_peer_id% ("s" "g") [i i.$.key]) (next i))))',
  '(fold x.$.b i (seq (call %init_peer_id% ("s" "g") [i]) (next i)))',
  '(match x.$.a 1 (null))', '(match x.$.a 1.0 (null))', '(match x.$.a 0.0 (null))', '(mismatch x.$.a x.$.b.[0] (null))',
].map(ask);
const ofLiterals = (text) => [`(match ${text} "a" (null))`, `(mismatch ${text} ${text} (null))`, `(seq (ap ${text} y) (ap y.$.k z))`].map(caught);

function told(outcome) {
  if (outcome.trap) return 'trap';
  const asks = Buffer.from(outcome.call_requests, 'base64').includes('arguments');
  return asks ? argumentsOf(outcome) : `${outcome.ret_code} ${outcome.error_message}`;
}
async function answered(air, text) {
  return told(await run(air, (await run(air, '', none)).data, result(text)));
}
const shown = [];
for (const text of texts) {
  const words = /^10007 value '(.*)' is not/s.exec(await answered(scripts[0], `{"a":${text}}`));
  if (words) shown.push([text, words[1]]);
}
const errors = [];
for (const text of texts.slice(0, 92)) {
  const answer = `{"a":${text},"b":[${text}],"error_code":${text},"message":"m"}`;
  const row = [answer];
  for (const air of scripts) row.push(await answered(air, answer));
  errors.push(row);
}
const literalErrors = [];
for (const text of ['0', '-0', '1', '-1', '+1', '0.0', '-0.0', '1.0', '1.50', '0.1', '-0.25', '123456789.1', '1234567.891', '0.000000001', '9007199254740993', '-9223372036854775808', '9223372036854775807']) {
  for (const air of ofLiterals(text)) literalErrors.push([air, told(await run(air, '', none))]);
}
const rows = (list) => list.map((row) => `    ${JSON.stringify(row)}`).join(',\n');
process.stdout.write(`{\n  "air": ${JSON.stringify(air)},\n  "values": [\n${rows(values)}\n  ],\n  "literals": [\n${rows(literals)}\n  ],\n  "texts": [\n${rows(shown)}\n  ],\n  "scripts": [\n${rows(scripts)}\n  ],\n  "errors": [\n${rows(errors)}\n  ],\n  "literal_errors": [\n${rows(literalErrors)}\n  ]\n}\n`);
child.kill();
