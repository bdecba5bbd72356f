"""A peer of py-libp2p that does what it is told: the orders and answers of ../peer.mjs."""

import json
import os
import secrets
import ssl
import sys

import trio
from multiaddr import Multiaddr

from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair as ed25519
from libp2p.crypto.rsa import create_new_key_pair as rsa
from libp2p.crypto.secp256k1 import create_new_key_pair as secp256k1
from libp2p.host.ping import PingService
from libp2p.identity.identify_push.identify_push import push_identify_to_peers
from libp2p.kad_dht.kad_dht import DHTMode, KadDHT
from libp2p.kad_dht.pb.kademlia_pb2 import Message
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.kad_dht import common, kad_dht, peer_routing
from libp2p.tools.anyio_service.context import background_trio_service

OPTIONS = json.loads(sys.argv[1])
# The library knows no other way to speak the protocol of a network.
for module in (common, kad_dht, peer_routing):
    module.PROTOCOL_ID = OPTIONS["kademlia"]

PATIENCE = 20
PARTICLE = "/fluence/particle/2.0.0"
PING = "/ipfs/ping/1.0.0"
IDENTIFY = "/ipfs/id/1.0.0"
PINGED = b"0123456789abcdef0123456789abcdef"
FORMS = {"tcp": "", "ws": "/ws", "wss": "/tls/ws"}


def keypair(seed):
    kind = OPTIONS.get("key", "Ed25519")
    if kind == "secp256k1":
        return secp256k1()
    if kind == "RSA":
        return rsa()
    return ed25519(bytes.fromhex(seed) if seed else secrets.token_bytes(32))


def make_host(listen, seed=None):
    server = None
    if listen and OPTIONS["transport"] == "wss":
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(OPTIONS["certificate"], OPTIONS["privateKey"])
    return new_host(
        key_pair=keypair(seed),
        muxer_preference="YAMUX",
        enable_websocket=True,
        listen_addrs=listen,
        tls_server_config=server,
    )


def reachable(address):
    """An address with its peer. The library does not dial /tls/ws, only what is short for it."""
    return info_from_p2p_addr(Multiaddr(address.replace("/tls/ws/", "/wss/")))


async def until(what, look):
    with trio.move_on_after(PATIENCE):
        while True:
            found = look()
            if found:
                return found
            await trio.sleep(0.02)
    raise TimeoutError(f"waited {PATIENCE} s for {what}")


async def received(stream, count=None):
    parts = b""
    while count is None or len(parts) < count:
        try:
            more = await stream.read(65536 if count is None else count - len(parts))
        except StreamEOF:
            break
        if not more:
            break
        parts += more
    return parts


def prefixed(message):
    length = len(message)
    prefix = b""
    while length > 127:
        prefix += bytes([length & 127 | 128])
        length >>= 7
    return prefix + bytes([length]) + message


def unprefixed(message):
    length, shift, at = 0, 0, 0
    while True:
        byte = message[at]
        length |= (byte & 127) << shift
        shift += 7
        at += 1
        if byte < 128:
            break
    if len(message) != at + length:
        raise ValueError("the answer is cut off")
    return message[at:]


class Peer:
    def __init__(self, host, dht, nursery):
        self.host = host
        self.dht = dht
        self.nursery = nursery

    def connection(self, peer):
        return self.host.get_network().connections.get(peer) or []

    async def dial(self, order):
        with trio.fail_after(PATIENCE):
            await self.host.connect(reachable(order["address"]))

    async def connected(self, order):
        peer = ID.from_base58(order["peer"])
        await until("a connection", lambda: self.connection(peer))
        direction = str(getattr(self.connection(peer)[0], "direction", "inbound"))
        return "outbound" if "outbound" in direction.lower() else "inbound"

    async def gone(self, order):
        peer = ID.from_base58(order["peer"])
        await until("the end of the connection", lambda: not self.connection(peer))

    async def identify(self, order):
        peer = ID.from_base58(order["peer"])
        store = self.host.get_peerstore()

        def known():
            try:
                protocols = list(store.get_protocols(peer))
            except Exception:
                return None
            return order["protocol"] in protocols and {"protocols": protocols}

        return await until("identify", known)

    async def ping(self, order):
        await PingService(self.host).ping(ID.from_base58(order["peer"]))

    async def push(self, order):
        if self.dht.mode != DHTMode.SERVER:
            await self.dht.switch_mode(DHTMode.SERVER)
        await push_identify_to_peers(self.host)

    async def search(self, order):
        target = ID.from_base58(order["target"])
        found = await self.dht.peer_routing.find_closest_peers_network(target.to_bytes())
        return target in found

    async def halfClose(self, order):
        peer = ID.from_base58(order["peer"])
        stream = await self.host.new_stream(peer, [OPTIONS["kademlia"]])
        key = ID.from_base58(order["target"]).to_bytes()
        question = Message(type=Message.MessageType.FIND_NODE, key=key)
        await stream.write(prefixed(question.SerializeToString()))
        await stream.close_write()
        answer = Message()
        answer.ParseFromString(unprefixed(await received(stream)))
        stream = await self.host.new_stream(peer, [PING])
        await stream.write(PINGED)
        await stream.close_write()
        if await received(stream) != PINGED:
            raise ValueError("the echo differs")
        return len(answer.closerPeers)

    async def echo(self, peer):
        stream = await self.host.new_stream(peer, [PING])
        await stream.write(PINGED)
        if await received(stream, len(PINGED)) != PINGED:
            raise ValueError("the echo differs")
        await stream.close()

    async def streams(self, order):
        for _ in range(order["count"]):
            await self.echo(ID.from_base58(order["peer"]))

    async def identify_once(self, peer):
        stream = await self.host.new_stream(peer, [IDENTIFY])
        message = await received(stream)
        if PARTICLE.encode() not in message:
            raise ValueError(f"identify has {len(message)} bytes")
        await stream.close()

    async def atOnce(self, order):
        async with trio.open_nursery() as nursery:
            for _ in range(order["count"]):
                nursery.start_soon(self.identify_once, ID.from_base58(order["peer"]))

    async def resets(self, order):
        peer = ID.from_base58(order["peer"])
        for index in range(order["count"]):
            stream = await self.host.new_stream(peer, [PING])
            if index % 2 == 1:
                await stream.write(PINGED)
                await received(stream, len(PINGED))
            await stream.reset()
        await self.echo(peer)

    async def connections(self, order):
        info = reachable(order["address"])
        all_are_open, done = trio.Event(), trio.Event()
        left = order["count"]

        async def client():
            nonlocal left
            host = make_host(None)
            async with host.run([]):
                await host.connect(info)
                left -= 1
                if left == 0:
                    all_are_open.set()
                await all_are_open.wait()
                await PingService(host).ping(info.peer_id)

        with trio.fail_after(5 * PATIENCE):
            async with trio.open_nursery() as nursery:
                for _ in range(order["count"]):
                    nursery.start_soon(client)


def tell(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def reason(error):
    """What is behind a group of errors."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    causes = []
    while error is not None:
        causes.append(repr(error))
        error = error.__cause__ or getattr(error, "exceptions", [None])[0]
    return "; ".join(causes)


async def main():
    port = OPTIONS.get("port", 0)
    address = Multiaddr(f"/ip4/127.0.0.1/tcp/{port}{FORMS[OPTIONS['transport']]}")
    host = make_host([address], OPTIONS.get("seed"))
    dht = KadDHT(host, DHTMode.CLIENT)
    async with host.run([address]), trio.open_nursery() as nursery:
        async with background_trio_service(dht):
            peer = Peer(host, dht, nursery)
            addresses = [str(each) for each in host.get_addrs()]
            tell({"peer": str(host.get_id()), "addresses": addresses})
            while line := await trio.to_thread.run_sync(sys.stdin.readline):
                order = json.loads(line)
                try:
                    value = await getattr(peer, order["do"])(order)
                    tell({"ok": True, "value": value})
                except (Exception, BaseExceptionGroup) as error:
                    tell({"ok": False, "error": reason(error)})
            os._exit(0)


trio.run(main)
