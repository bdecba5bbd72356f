// Messages of Kademlia, as far as FIND_NODE needs them: type 1, key 2, closer peers 8 with id 1 and addresses 2.

const FIND_NODE = 4;

function varint(number) {
  const bytes = [];
  while (number > 127) {
    bytes.push((number & 127) | 128);
    number = Math.floor(number / 128);
  }
  return Uint8Array.from([...bytes, number]);
}

/** The number at `at`, and where it ends; nothing while it is cut off. */
function number(bytes, at) {
  let value = 0;
  for (let scale = 1; at < bytes.length; scale *= 128) {
    const byte = bytes[at++];
    value += (byte & 127) * scale;
    if (byte < 128) {
      return [value, at];
    }
  }
  return undefined;
}

const joined = (parts) => Uint8Array.from(parts.flatMap((part) => [...part]));
const field = (tag, bytes) => joined([varint(tag * 8 + 2), varint(bytes.length), bytes]);
const framed = (message) => joined([varint(message.length), message]);

function fields(bytes) {
  const found = [];
  for (let at = 0; at < bytes.length; ) {
    let tag, value;
    [tag, at] = number(bytes, at);
    if (tag % 8 === 0) {
      [value, at] = number(bytes, at);
    } else {
      let length;
      [length, at] = number(bytes, at);
      value = bytes.subarray(at, at + length);
      at += length;
    }
    found.push([tag >> 3, value]);
  }
  return found;
}

/** The question who is closest to the peer with the id `key`, with its length in front. */
export function question(key) {
  return framed(joined([varint(8), varint(FIND_NODE), field(2, key)]));
}

/** An answer that names `peers`, each an id with addresses, all of them bytes. */
export function answer(peers) {
  const contact = ({ id, addresses }) => field(8, joined([field(1, id), ...addresses.map((each) => field(2, each))]));
  return framed(joined([varint(8), varint(FIND_NODE), ...peers.map(contact)]));
}

/** The first whole message of `bytes`: the peers that it names, and its length; nothing while it is cut off. */
export function read(bytes) {
  const prefix = number(bytes, 0);
  if (prefix === undefined || bytes.length < prefix[0] + prefix[1]) {
    return undefined;
  }
  const [length, start] = prefix;
  const closer = fields(bytes.subarray(start, start + length)).filter(([tag]) => tag === 8);
  const peers = closer.map(([, contact]) => {
    const parts = fields(contact);
    return {
      id: parts.find(([tag]) => tag === 1)?.[1],
      addresses: parts.filter(([tag]) => tag === 2).map(([, address]) => address),
    };
  });
  return { peers, length: start + length };
}
