// js-libp2p 0.46. Its Kademlia knows no protocol of ours: ../kademlia.mjs stands in.

import https from "node:https";
import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { generateKeyPair, generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import { peerIdFromString } from "@libp2p/peer-id";
import { createFromPrivKey } from "@libp2p/peer-id-factory";
import { tcp } from "@libp2p/tcp";
import { webSockets } from "@libp2p/websockets";
import { all } from "@libp2p/websockets/filters";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { identifyService } from "libp2p/identify";
import { pingService } from "libp2p/ping";

export { adapt } from "../duplex.mjs";
export { multiaddr, peerIdFromString };

// Of each protocol, on one connection.
const STREAMS = 2_000;

export async function create({ key, seed, listen, tls }) {
  const keypair = seed ? await generateKeyPairFromSeed("Ed25519", seed) : await generateKeyPair(key);
  return createLibp2p({
    peerId: await createFromPrivKey(keypair),
    addresses: { listen },
    transports: [tcp(), webSockets({ filter: all, server: tls && https.createServer(tls) })],
    connectionEncryption: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { minConnections: 0 },
    services: {
      identify: identifyService({ maxOutboundStreams: STREAMS }),
      ping: pingService({ maxOutboundStreams: STREAMS }),
    },
  });
}
