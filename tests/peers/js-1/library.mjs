// js-libp2p 1.

import https from "node:https";
import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { generateKeyPair, generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import { identify, identifyPush } from "@libp2p/identify";
import { kadDHT, passthroughMapper } from "@libp2p/kad-dht";
import { peerIdFromString } from "@libp2p/peer-id";
import { createFromPrivKey } from "@libp2p/peer-id-factory";
import { ping } from "@libp2p/ping";
import { tcp } from "@libp2p/tcp";
import { webSockets } from "@libp2p/websockets";
import { all } from "@libp2p/websockets/filters";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";

export { adapt } from "../duplex.mjs";
export { multiaddr, peerIdFromString };

// Of each protocol, on one connection.
const STREAMS = 2_000;

export async function create({ key, seed, listen, tls, kademlia }) {
  const keypair = seed ? await generateKeyPairFromSeed("Ed25519", seed) : await generateKeyPair(key);
  return createLibp2p({
    peerId: await createFromPrivKey(keypair),
    addresses: { listen },
    transports: [tcp(), webSockets({ filter: all, server: tls && https.createServer(tls) })],
    connectionEncryption: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { minConnections: 0 },
    services: {
      identify: identify({ maxOutboundStreams: STREAMS }),
      identifyPush: identifyPush(),
      ping: ping({ maxOutboundStreams: STREAMS }),
      dht: kadDHT({ protocol: kademlia, clientMode: true, peerInfoMapper: passthroughMapper }),
    },
  });
}
