// js-libp2p 2.

import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { generateKeyPair, generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import { identify, identifyPush } from "@libp2p/identify";
import { kadDHT, passthroughMapper } from "@libp2p/kad-dht";
import { peerIdFromString } from "@libp2p/peer-id";
import { ping } from "@libp2p/ping";
import { tcp } from "@libp2p/tcp";
import { webSockets } from "@libp2p/websockets";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";

export { multiaddr, peerIdFromString };
export { adapt } from "../duplex.mjs";

// Of each protocol, on one connection.
const STREAMS = 2_000;

export async function create({ key, seed, listen, tls, kademlia }) {
  return createLibp2p({
    privateKey: seed ? await generateKeyPairFromSeed("Ed25519", seed) : await generateKeyPair(key),
    addresses: { listen },
    transports: [tcp(), webSockets({ https: tls })],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: {
      identify: identify({ maxOutboundStreams: STREAMS }),
      identifyPush: identifyPush(),
      ping: ping({ maxOutboundStreams: STREAMS }),
      dht: kadDHT({ protocol: kademlia, clientMode: true, peerInfoMapper: passthroughMapper }),
    },
  });
}
