//! Addresses of peers, and their ids, in the forms that other libraries write.

use basalt_manifest::Manifest;

const ID: &str = "12D3KooWANqfCDrV79MZdMnMqTvDdqSAPSxdgFY1L6DCq2DVGB4D";

/// The reason why a manifest with this address of a bootstrap peer is refused.
fn refusal(address: &str) -> Option<String> {
    let text = format!("[node]\nbootstrap = [\"{address}\"]");
    Manifest::parse(&text)
        .err()
        .map(|problems| problems.to_string())
}

#[test]
fn websocket_addresses_in_every_form() {
    let hosts = [
        "ip4/192.0.2.1",
        "ip6/2001:db8::1",
        "dns/a.example",
        "dns4/a.example",
        "dns6/a.example",
    ];
    let forms = [
        "ws",
        "wss",
        "tls/ws",
        "tls/sni/b.example/ws",
        "ws/http-path/a%2Fb",
        "wss/http-path/a",
        "tls/ws/http-path/a",
        "tls/sni/b.example/ws/http-path/a",
    ];
    for host in hosts {
        for form in forms {
            for port in ["", "tcp/7001/"] {
                for name in ["p2p", "ipfs"] {
                    let address = format!("/{host}/{port}{form}/{name}/{ID}");
                    assert_eq!(refusal(&address), None, "{address}");
                }
            }
        }
        let address = format!("/{host}/tcp/7001/p2p/{ID}");
        assert_eq!(refusal(&address), None, "{address}");
    }
    let address = format!("/dnsaddr/a.example/p2p/{ID}");
    assert_eq!(refusal(&address), None, "{address}");
}

/// What cannot be dialed is refused with a reason, and not dialed for ever.
#[test]
fn addresses_that_lead_nowhere() {
    for form in [
        "ip4/192.0.2.1",
        "ip4/192.0.2.1/tcp/0",
        "ip4/192.0.2.1/tcp/0/ws",
        "ip4/192.0.2.1/tls",
        "ip4/192.0.2.1/tcp/1/tls",
        "ip4/192.0.2.1/tcp/1/tls/sni/a.example",
        "ip4/192.0.2.1/tcp/1/ws/tls",
        "ip4/192.0.2.1/tcp/1/sni/a.example/ws",
        "ip4/192.0.2.1/tcp/1/tls/sni/a..example/ws",
        "ip4/192.0.2.1/tcp/1/http-path/a",
        "ip4/192.0.2.1/udp/1/quic-v1",
        "ip4/192.0.2.1/udp/1/webrtc-direct",
        "ip4/192.0.2.1/tcp/65536",
        "dns4/-/tcp/1",
        "dnsaddr/-",
    ] {
        let address = format!("/{form}/p2p/{ID}");
        assert!(refusal(&address).is_some(), "{address}");
    }
    assert!(refusal("/ip4/192.0.2.1/tcp/1/ws").is_some(), "no peer");
}

#[test]
fn ids_as_cids() {
    // Ed25519 in base32, upper case, and base58btc; RSA and secp256k1 hashed or not, in base58,
    // base32 and base36.
    let right = [
        ID,
        "bafzaajaiaejcaccrvnsutoxzqxfpfqvcavogvjqn64zbhmo55uxgv4rxu6jh52x2",
        "BAFZAAJAIAEJCACCRVNSUTOXZQXFPFQVCAVOGVJQN64ZBHMO55UXGV4RXU6JH52X2",
        "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
        "bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe",
        "k2k4r8jl0yz8qjgqbmc2cdu5hkqek5rj6flgnlkyywynci20j0iuyfuj",
        "16Uiu2HAkvbdDwJS6ikvzbqUMJ4x8ZpxBfaGcMnQex3co4jUtrn45",
    ];
    // Content, a CID that is cut off, one with another hash, and no id at all.
    let wrong = [
        "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am",
        "bafzaajaiaejcaccrvnsutoxzqxfpfqvcavogvjqn64zbhmo55uxgv4rxu6jh5",
        "bafzaajaiaejcaccrvnsutoxzqxfpfqvcavogvjqn64zbhmo55uxgv4rxu6jh52x!",
        "Qm",
        "z",
        "",
    ];
    let managed = |id: &str| {
        let text = format!("[node]\nmanagement_peer_id = \"{id}\"");
        Manifest::parse(&text).is_ok()
    };
    for id in right {
        assert!(managed(id), "{id}");
        let address = format!("/ip4/192.0.2.1/tcp/1/p2p/{id}");
        assert_eq!(refusal(&address), None, "{address}");
    }
    for id in wrong {
        assert!(!managed(id), "{id}");
        let address = format!("/ip4/192.0.2.1/tcp/1/p2p/{id}");
        assert!(refusal(&address).is_some(), "{address}");
    }
}
