// Records how the reference host of services takes and gives numbers:
// `node marine.mjs ../../wasm-host/tests/vectors`, after `npm ci` in `../js`.
//
// The reference is the published package `@fluencelabs/marine-js`, which the js-client brings. It is
// only executed. Its methods take and give JSON as text, but it reads floats to about a unit beside
// the nearest one, which a host does not that gets its values from elsewhere. So each float is
// written in a way that it reads exactly, as a guest tells that prints it. A call between two modules
// passes through JavaScript, where a negative zero and the texts of errors are lost.
import { readFile, writeFile } from 'node:fs/promises';
import { texts } from './texts.mjs';

const dist = new URL('../js/node_modules/@fluencelabs/marine-js/dist/', import.meta.url);
const guests = new URL('../../wasm-host/tests/guests/wasm/', import.meta.url);
const { init } = await import(new URL('marine_js.js', dist));
const { defaultCallParameters } = await import(new URL('types.js', dist));
const control = await WebAssembly.compile(await readFile(new URL('marine-js.wasm', dist)));

const KINDS = [
  ['arguments from json deserialization error', 'JsonArgumentsDeserializationError'],
  ['engine error', 'EngineError'],
];

// The rows of a scenario: a function that calls and records.
async function recorder(names) {
  const config = () => ({
    logger_enabled: true, logging_mask: 0x7fffffff,
    wasi: { envs: {}, preopened_files: new Set(), mapped_dirs: new Map() },
  });
  const modules = {};
  for (const name of names) modules[name] = await readFile(new URL(`${name}.wasm`, guests));
  const start = async () => {
    const host = await init(control);
    host.register_module({ modules_config: names.map((name) => ({ import_name: name, config: config() })) }, modules, () => {});
    return host;
  };
  let host = await start();
  // One row of a scenario, or nothing for a text that is no JSON to the reference, and for a failure
  // within an imported module: that one ends in an error of this package's own.
  return async (name, args) => {
    const row = `"function": ${JSON.stringify(name)}, "args": ${args}`;
    try {
      return `{ ${row}, "expected": ${host.call_module(names.at(-1), name, args, defaultCallParameters)} }`;
    } catch (error) {
      const message = String(error.message ?? error);
      if (message.includes('failed while calling')) {
        host = await start();
        return undefined;
      }
      const kind = KINDS.find(([start]) => message.startsWith(start))?.[1];
      if (kind) return `{ ${row}, "expected_error": ${JSON.stringify({ kind, message })} }`;
      if (/^number out of range at/.test(message)) return undefined;
      throw error;
    }
  };
}

// A text that the reference reads as exactly this number, if there is one.
async function exact(row, text) {
  const number = Number(text);
  const zeros = '0,'.repeat(8);
  const longer = Array.from({ length: 30 }, (_, more) => number.toPrecision(17 + more).replace('e+', 'e'));
  for (const spelled of Number.isFinite(number) ? [text, ...longer] : []) {
    const read = await row('describe', `[true,${zeros}0,${spelled},"",[]]`);
    const printed = /"expected": "true 0 0 0 0 0 0 0 0 0 (\S+) /.exec(read)?.[1];
    if (printed !== undefined && Object.is(Number(printed), number)) return spelled;
  }
  return undefined;
}

async function exactly(row, texts) {
  const spelled = [];
  for (const text of texts) spelled.push(/^[-\d]/.test(text) ? await exact(row, text) : text);
  return spelled.filter((text) => text !== undefined);
}

function scenario(name, modules, calls) {
  const list = modules.map((module) => `    { "name": "${module}", "wasm": "${module}.wasm" }`);
  const rows = calls.filter(Boolean).map((call) => `    ${call}`);
  return `{\n  "name": "${name}",\n  "modules": [\n${list.join(',\n')}\n  ],\n  "calls": [\n${rows.join(',\n')}\n  ]\n}\n`;
}

// Around the ends of each width.
const whole = new Set(['0', '-0', '1.0', '0.5', '-1.5', '1e0', '1e2', '1e21', '-1e300', '5e-324', '1e-7', '123456789012345678901234567890', '"1"', 'true', 'null', '[]', '{}', '[7]', '[1e22]', '[[1]]']);
for (const power of [7n, 8n, 15n, 16n, 31n, 32n, 53n, 63n, 64n]) {
  for (const by of [-2n, -1n, 0n, 1n]) {
    whole.add(`${2n ** power + by}`);
    whole.add(`${-(2n ** power) - by}`);
  }
}
const integers = ['i8', 'i16', 'i32', 'i64', 'u8', 'u16', 'u32', 'u64'];
const floatTexts = [...texts.slice(0, 160), '0.12379999458789824', '1e39', '-1e39', '3.4028234663852886e38', '3.4028235677973366e38', '1e-45', '7e-46', '1.401298464324817e-45', '1.1754943508222875e-38', '16777217', '0.1', '4.2', 'true', '"1"', '[0.5]', '[1e21]', '[[1]]'];

const direct = await recorder(['scalars']);
const floats = await exactly(direct, floatTexts);
const calls = [];
for (const kind of integers) for (const text of whole) calls.push(await direct(`next_${kind}`, `[${text}]`));
for (const kind of ['f32', 'f64']) for (const text of floats) calls.push(await direct(`half_${kind}`, `[${text}]`));
for (const text of ['0', '-0', '0.1', '-1e21', '1e21', '1e16', '1e15', '1e-5', '1e-6', '1e-7', '123456789012345680', '0.12379999458789825', '5e-324', '1e-45', 'inf', '-inf', 'nan', '1.7976931348623157e308', '3.4028235e38', '16777217', '9007199254740993']) {
  for (const kind of ['f32', 'f64']) calls.push(await direct(`parse_${kind}`, `["${text}"]`));
}
for (const power of [31n, 32n, 53n, 63n, 64n]) {
  for (const by of [-1n, 0n]) {
    for (const kind of ['u32', 'u64', 'i64']) {
      calls.push(await direct(`parse_${kind}`, `["${2n ** power + by}"]`));
      if (kind === 'i64') calls.push(await direct(`parse_${kind}`, `["${-(2n ** power) - by}"]`));
    }
  }
}
// By name, alone, in place of something else.
for (const args of ['{"v":1e21}', '{"v":0.1}', '{"w":1e21}', '{"v":1e21,"w":2}', '1e21', '0.1', '[]', '[1e21,2]', 'null']) {
  for (const name of ['half_f32', 'half_f64', 'next_u64']) calls.push(await direct(name, args));
}
for (const text of ['1e21', '-0.0', '1.0', '"1e+21"', '["e+", 1e21]', '{"e+":1e21}', '[[1e21, "\\"e+"]]']) {
  for (const name of ['flip', 'shout', 'char_count', 'mirror_bytes', 'xor_bytes']) calls.push(await direct(name, `[${text}]`));
}
for (const text of ['[1e21]', '[0,255]', '[256]', '[-1]', '[1.0]', '[1,[2]]', '[1,[1e21]]']) calls.push(await direct('mirror_bytes', `[${text}]`));

const linked = await recorder(['scalars', 'scalars_proxy']);
const passed = [];
for (const kind of ['i32', 'i64', 'u32', 'u64']) for (const text of whole) passed.push(await linked(`pass_${kind}`, `[${text}]`));
const passable = floats.filter((text) => !Object.is(Math.fround(Number(text) / 2), -0));
for (const kind of ['f32', 'f64']) for (const text of passable) passed.push(await linked(`pass_${kind}`, `[${text}]`));
for (const small of [[0, 0, 0, 0], [127, 0, 0, 0], [126, 32766, 254, 65534], [-128, -32768, 0, 0], [0, 32767, 0, 0], [0, 0, 255, 0], [0, 0, 0, 65535], [128, 0, 0, 0]]) {
  passed.push(await linked('pass_small', JSON.stringify(small)));
}
for (const low of [true, false]) passed.push(await linked('describe_extremes', `[${low}]`));

console.error(`${floats.length} of ${floatTexts.length} floats have an exact text`);

const folder = process.argv[2];
if (!folder) {
  console.error('usage: node marine.mjs FOLDER, where the two scenarios are written');
  process.exit(2);
}
await writeFile(`${folder}/numbers_direct.json`, scenario('numbers_direct', ['scalars'], calls));
await writeFile(`${folder}/numbers_linked.json`, scenario('numbers_linked', ['scalars', 'scalars_proxy'], passed));
process.exit(0);
