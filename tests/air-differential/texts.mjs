// Numbers where readers and writers differ, and random ones.

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

/** 400 numbers as JSON texts. */
export const texts = ['0', '-0', '0.0', '-0.0', '1', '-1', '1.0', '0.1', '0.12379999458789825', '1e0', '1E+2', '1e-2', '0e0', '-0e7', '0e999999999999', '1e-999999999999'];
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
