//! What `cargo run` says about a node that listens.

use std::net::SocketAddr;

use basalt_qemu::Listening;

/// The node's multiaddrs as this machine reaches them.
pub(crate) fn outside(node: &Listening, reach: impl Fn(u16) -> Option<SocketAddr>) -> Vec<String> {
    let id = &node.peer_id;
    let mut addresses = Vec::new();
    for (address, port) in node.endpoints() {
        if let Some(outside) = reach(port) {
            let websocket = if address.ends_with("/ws") { "/ws" } else { "" };
            let (ip, port) = (outside.ip(), outside.port());
            addresses.push(format!("/ip4/{ip}/tcp/{port}{websocket}/p2p/{id}"));
        }
    }
    addresses
}

/// The node's peer id and addresses, and how fast and large it is.
pub(crate) fn summary(node: &Listening, addresses: &[String]) -> String {
    let mut text = String::from("\nThe node listens.\n");
    if let (Some(ms), Some(memory)) = (node.after_ms, node.memory_kib) {
        text += &format!(
            "  {ms} ms after the kernel's first instruction, {memory} KiB of memory in use\n"
        );
    }
    text += &format!("  peer id    {}\n", node.peer_id);
    for address in addresses {
        text += &format!("  multiaddr  {address}\n");
    }
    text
}

/// A first program to run against the node, for a terminal beside this one.
pub(crate) fn how_to_talk(addresses: &[String]) -> String {
    let Some(websocket) = addresses.iter().find(|address| address.contains("/ws/")) else {
        return String::new();
    };
    format!(
        "
Talk to it from another terminal, in an empty folder, with node 18 or newer:

npm init -y && npm pkg set overrides.mortice=3.0.1
npm install @fluencelabs/js-client@0.9.0
cat > ask.mjs <<'END'
{}END
node ask.mjs
",
        program(websocket)
    )
}

/// A program for the js-client that asks the node who it is, over the network as any peer would.
fn program(address: &str) -> String {
    format!(
        r#"import {{ createClient, callAquaFunction }} from "@fluencelabs/js-client";
const client = await createClient("{address}");
const script = `
  (xor
    (seq
      (seq
        (call %init_peer_id% ("getDataSrv" "-relay-") [] -relay-)
        (call -relay- ("peer" "identify") [] result))
      (call %init_peer_id% ("callbackSrv" "response") [result]))
    (call %init_peer_id% ("errorHandlingSrv" "error") [%last_error% 0]))`;
const ask = {{ peer: client, script, args: {{}}, config: {{ ttl: 30000 }}, fireAndForget: false }};
console.log(await callAquaFunction(ask));
await client.disconnect();
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_the_host() {
        let node: Listening = "peer_id=12D3 addrs=/ip4/10.0.2.15/tcp/977,/ip4/10.0.2.15/tcp/999/ws"
            .parse()
            .unwrap();
        let reach = |port| Some(SocketAddr::from(([127, 0, 0, 1], port + 40_000)));
        let addresses = outside(&node, reach);
        let text = summary(&node, &addresses);
        assert!(
            text.contains("multiaddr  /ip4/127.0.0.1/tcp/40977/p2p/12D3\n"),
            "{text}"
        );
        assert!(!text.contains("10.0.2.15"), "{text}");
        let program = how_to_talk(&addresses);
        assert!(program.contains("createClient(\"/ip4/127.0.0.1/tcp/40999/ws/p2p/12D3\")"));
        assert_eq!(how_to_talk(&addresses[..1]), "");
    }
}
