//! Broken manifests: every problem is found in one pass, at its place, with its reason.

use basalt_manifest::{MAX_BYTES, MAX_PROBLEMS, Machine, Manifest, Problems, schema::SECTIONS};

fn problems(text: &str) -> Problems {
    Manifest::parse(text).expect_err(text)
}

/// The only problem of `text`: line, column, and message with hint.
fn only(text: &str) -> (usize, usize, String) {
    let problems = problems(text);
    assert_eq!(problems.count(), 1, "{problems}");
    let problem = problems.iter().next().unwrap();
    let hint = problem.hint.as_deref().unwrap_or_default();
    (
        problem.line,
        problem.column,
        format!("{} {hint}", problem.message),
    )
}

#[test]
fn the_report_shows_line_caret_and_nearest_key() {
    let report = problems("[network]\ntcp_prot = 977\nwebsocket_port = \"999\"\n").to_string();
    assert_eq!(
        report,
        "line 2, column 1: unknown key `tcp_prot` in [network]
    2 | tcp_prot = ***
      | ^^^^^^^^ did you mean `tcp_port`?
line 3, column 18: `websocket_port` must be an integer from 1 to 65535, not \"999\"
    3 | websocket_port = \"999\"
      |                  ^^^^^"
    );
}

#[test]
fn all_problems_come_in_one_pass_in_the_order_of_the_text() {
    let found = problems(
        "[log]\nlevel = \"loud\"\n[nod]\n[network]\ntcp_port = 0\ngateway = \"10.0.0.1\"\nx y\n",
    );
    let lines: Vec<_> = found.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [2, 3, 5, 6, 7], "{found}");
}

#[test]
fn a_key_of_the_wrong_kind_is_refused_whatever_it_is() {
    for section in SECTIONS {
        for key in section.keys {
            let text = format!("[{}]\n{} = 1979-05-27\n", section.name, key.name);
            let (line, column, said) = only(&text);
            assert_eq!((line, column), (2, key.name.len() + 4), "{said}");
            assert!(said.contains(&key.kind.to_string()), "{said}");
            assert!(said.contains("a date"), "{said}");
        }
    }
}

#[test]
fn values_are_refused_at_their_place_with_a_reason() {
    const STATIC: &str = "[network]\naddress = \"10.0.0.5/24\"\n";
    let id = "12D3KooWEXNUbCXooUwHrHBbrmjsrpHXoEphPwbjQXEGyzbqKnE9";
    for (text, line, column, reason) in [
        (
            "[node]\nnetwork = \"dra\"",
            2,
            11,
            "\"kras\" or a string of 64 hex digits, not \"dra\"",
        ),
        (
            "[node]\nseed = \"AAEC\"",
            2,
            8,
            "must be base64 of 32 bytes, this is of 3",
        ),
        ("[node]\nseed = \"#\"", 2, 8, "is not base64"),
        ("[disk]\nstate = \" x\"", 2, 9, "a disk's serial number"),
        (
            "[disk]\nstate = \"01234567890123456789012345678901234567890\"",
            2,
            9,
            "has 41 characters",
        ),
        ("[disk]\nformat = true", 2, 10, "add its `state`"),
        ("[disk]\ntest = \"fast\"", 2, 8, "\"speed\", not \"fast\""),
        (
            "[node]\nmanagement_peer_id = \"abc\"",
            2,
            22,
            "the peer id is not",
        ),
        (
            "[node]\nbootstrap = [\"/ip4/1.2.3.4/tcp/1\"]",
            2,
            14,
            "must end in /p2p/<peer id>",
        ),
        (
            "[node]\nbootstrap = [\n  7,\n]",
            3,
            3,
            "a list of multiaddrs such as",
        ),
        (
            "[node]\nbootstrap = \"x\"",
            2,
            13,
            "a list of multiaddrs such as",
        ),
        (
            "[network]\naddress = \"10.0.0.5\"",
            2,
            11,
            "needs the length of the subnet's prefix",
        ),
        (
            "[network]\naddress = \"10.0.0/8\"",
            2,
            11,
            "nor an IPv4 address with a prefix",
        ),
        ("[network]\naddress = \"10.0.0.5/33\"", 2, 11, "1 to 32"),
        (
            "[network]\naddress = \"10.0.0.0/24\"",
            2,
            11,
            "the network's own address",
        ),
        (
            "[network]\naddress = \"10.0.0.255/24\"",
            2,
            11,
            "the broadcast address",
        ),
        (
            "[network]\naddress = \"127.0.0.1/8\"",
            2,
            11,
            "a loopback address",
        ),
        (
            "[network]\naddress = \"224.0.0.1/4\"",
            2,
            11,
            "a multicast address",
        ),
        (
            "[network]\naddress = \"auto\"",
            2,
            11,
            "must be \"dhcp\" or a string such as",
        ),
        (
            "[network]\ngateway = \"10.0.0.1\"",
            2,
            11,
            "comes from DHCP",
        ),
        (
            "[network]\naddress = \"dhcp\"\ndns = [\"10.0.0.1\"]",
            3,
            7,
            "comes from DHCP",
        ),
        (
            "[network]\nhostname = \"a b\"",
            2,
            12,
            "inner hyphens, not \"a b\"",
        ),
        (
            "[network]\nhostname = \"\"",
            2,
            12,
            "inner hyphens, not empty",
        ),
        (
            "[network]\ntcp_port = 65536",
            2,
            12,
            "must be from 1 to 65535, not 65536",
        ),
        ("[network]\ntcp_port = -0x1", 2, 12, ""),
        (
            "[network]\ntcp_port = 999",
            2,
            12,
            "`tcp_port` and `websocket_port` are both 999",
        ),
        (
            "[network]\nexternal_addresses = [\"/ip4/1.2.3.4/udp/1\"]",
            2,
            23,
            "does not start with a host and a TCP port",
        ),
        (
            "[services]\neffectors = [\"bafkreibxa3 curl\"]",
            2,
            14,
            "does not begin with the CID of a module",
        ),
        (
            "[services]\neffectors = [\"bafkreibxa3difimdgmbgdzmstnceqcdwzry57eabsnbuy4aco6o4lpfy3e\"]",
            2,
            14,
            "is not followed by names of programs",
        ),
        (
            "[services]\neffectors = [\"bafkreibxa3difimdgmbgdzmstnceqcdwzry57eabsnbuy4aco6o4lpfy3e curl  ipfs\"]",
            2,
            14,
            "a space between each",
        ),
        (
            "[cores]\nsystem = 0",
            2,
            10,
            "must be from 1 to 1024, not 0",
        ),
        (
            "[cores]\ncompute = 0x10000",
            2,
            11,
            "must be from 0 to 1024, not 10000",
        ),
        (
            "[cores]\ncompute = \"some\"",
            2,
            11,
            "\"all\" or an integer",
        ),
        (
            "[log]\nlevel = \"off\"",
            2,
            9,
            "\"debug\" or \"trace\", not \"off\"",
        ),
        (
            "[panic]\naction = true",
            2,
            10,
            "\"reset\" or \"halt\", not a boolean",
        ),
        (
            "node = 3",
            1,
            1,
            "must be a section, not a value write [node]",
        ),
        (
            "tcp_port = 977",
            1,
            1,
            "`tcp_port` belongs in section [network]",
        ),
        (
            "[node]\ntcp_port = 977",
            2,
            1,
            "`tcp_port` belongs in section [network]",
        ),
        ("[Node]", 1, 2, "did you mean [node]?"),
        (
            "[storage]",
            1,
            2,
            "sections are node, network, tls, cores, services, particles, http, disk, prover, chain, log, panic",
        ),
        ("[log]\nx = 1", 2, 1, "keys here are level"),
        (
            "[log]\nlevel = \"info\"\nlevel = \"warn\"",
            3,
            1,
            "duplicate",
        ),
        ("[log]\nlevel = ", 2, 9, ""),
    ] {
        let (at_line, at_column, said) = only(text);
        assert_eq!((at_line, at_column), (line, column), "{text}: {said}");
        assert!(said.contains(reason), "{text}: {said}");
    }
    for (rest, line, reason) in [
        (
            "gateway = \"10.0.0.5\"".to_owned(),
            3,
            "the appliance's own address",
        ),
        (
            "gateway = \"0.0.0.0\"".to_owned(),
            3,
            "no machine can have it",
        ),
        (
            "dns = [\"10.0.0.1\", \"10.0.0.300\"]".to_owned(),
            3,
            "is not an IPv4 address",
        ),
        (
            format!("dns = {:?}", ["10.0.0.1"; 4]),
            3,
            "4 entries, at most 3",
        ),
        (
            format!("[node]\nbootstrap = [\"/dns4/example.org/tcp/1/p2p/{id}\"]"),
            4,
            "without `dns` cannot look it up",
        ),
    ] {
        let (at, _, said) = only(&format!("{STATIC}{rest}"));
        assert_eq!(at, line, "{said}");
        assert!(said.contains(reason), "{rest}: {said}");
    }
}

#[test]
fn a_gateway_may_lie_outside_the_subnet() {
    let text = "[network]\naddress = \"203.0.113.7/32\"\ngateway = \"172.31.1.1\"\n";
    assert!(Manifest::parse(text).is_ok());
}

#[test]
fn core_counts_and_memory_are_checked_against_the_machine() {
    let machine = |cores| Machine {
        cores,
        memory: 1 << 30,
    };
    let manifest = Manifest::parse("[cores]\nsystem = 1\n\ncompute = 3\n").unwrap();
    assert_eq!(manifest.check(&machine(4)), Ok(()));
    assert_eq!(manifest.cores.compute_on(8), 3);
    for (cores, line, reason) in [
        (3, 4, "of the machine's 3 only 2 are left beside 1"),
        (0, 2, "`system` asks for 1 cores, the machine has 0"),
    ] {
        let problems = manifest.check(&machine(cores)).unwrap_err();
        let problem = problems.iter().next().unwrap();
        assert_eq!((problems.count(), problem.line), (1, line), "{problems}");
        assert!(problem.message.contains(reason), "{problems}");
    }
    let default = Manifest::default();
    for cores in 1..=4 {
        assert_eq!(default.check(&machine(cores)), Ok(()));
        assert_eq!(default.cores.compute_on(cores), cores - 1);
    }
    let small = default
        .check(&Machine {
            cores: 1,
            memory: 1 << 20,
        })
        .unwrap_err();
    assert!(small.to_string().contains("1 MiB of memory"), "{small}");
}

#[test]
fn a_seed_is_never_shown() {
    let text = "[node]\nseed = \"c2VjcmV0c2VjcmV0\"\nnetwork = \"kras\"\n";
    let report = problems(text).to_string();
    assert!(!report.contains("c2Vj"), "{report}");
    let good = include_str!("../example.toml");
    let shown = format!("{:?}", Manifest::parse(good).unwrap());
    assert!(shown.contains("Seed(..)"), "{shown}");
}

#[test]
fn size_and_number_of_problems_are_bounded() {
    let long = "#".repeat(MAX_BYTES);
    assert!(Manifest::parse(&long).is_ok());
    assert!(
        problems(&format!("{long}#"))
            .to_string()
            .contains("65537 bytes")
    );

    let found = problems(&"?\n".repeat(MAX_BYTES / 2));
    assert_eq!(found.iter().count(), MAX_PROBLEMS);
    assert!(found.count() >= MAX_BYTES / 2);
    assert!(found.to_string().ends_with("more"), "{found}");

    let deep = format!("x = {}", "[".repeat(10_000));
    assert!(problems(&deep).count() > 0);
}

#[test]
fn bytes_that_are_no_text_are_refused_at_their_place() {
    let problems = Manifest::from_bytes(b"[log]\nlevel = \"\xff\"").unwrap_err();
    let problem = problems.iter().next().unwrap();
    assert_eq!((problem.line, problem.column), (2, 10), "{problems}");
    assert!(problem.message.contains("UTF-8"));
}

/// A certificate and its key go together, and must be what they say.
#[test]
fn certificates_without_sense() {
    let said = |text: &str| Manifest::parse(text).unwrap_err().to_string();
    let alone = said("[tls]\ncertificate = \"x\"\n");
    assert!(
        alone.contains("`certificate` is given without `key`"),
        "{alone}"
    );
    let alone = said("[tls]\nkey = \"x\"\n");
    assert!(
        alone.contains("`key` is given without `certificate`"),
        "{alone}"
    );
    let nonsense = said("[tls]\ncertificate = \"x\"\nkey = \"y\"\n");
    assert!(
        nonsense.contains("`certificate` cannot be used"),
        "{nonsense}"
    );
    let nonsense = said("[tls]\nroots = [\"x\"]\n");
    assert!(nonsense.contains("`roots` has a wrong entry"), "{nonsense}");
}

#[test]
fn keys_of_the_chain_are_judged() {
    for (value, reason) in [
        ("endpoint = \"https://:443\"", "has a host that is neither"),
        ("endpoint = \"chain.example\"", "must be a string such as"),
        ("endpoint = \"http://:80/\"", "has a host that is neither"),
        (
            "endpoint = \"http://a:0/\"",
            "has a port that is not a number",
        ),
        ("diamond = \"0x12\"", "must be a string of 40 hex digits"),
        (
            "wallet_key = \"secret\"",
            "must be a string of 64 hex digits",
        ),
        ("ipfs = \"here\"", "is wrong"),
    ] {
        let found = Manifest::parse(&format!("[chain]\n{value}\n")).unwrap_err();
        assert!(found.to_string().contains(reason), "{value}: {found}");
    }
}

#[test]
fn ipv6_and_vlan_are_judged() {
    for (value, reason) in [
        ("vlan = 0", "must be from 1 to 4094"),
        ("vlan = 4095", "must be from 1 to 4094"),
        ("vlan = \"7\"", "must be an integer from 1 to 4094"),
        (
            "ipv6_address = \"2001:db8::10\"",
            "needs the length of the subnet's prefix",
        ),
        (
            "ipv6_address = \"2001:db8::10/129\"",
            "must be from 1 to 128",
        ),
        ("ipv6_address = \"192.0.2.10/24\"", "is not an IPv6 address"),
        ("ipv6_address = \"fe80::10/64\"", "link-local"),
        ("ipv6_address = \"ff02::1/64\"", "multicast"),
        (
            "ipv6_address = \"::ffff:192.0.2.1/64\"",
            "written as an IPv6 address",
        ),
        (
            "ipv6_gateway = \"fe80::1\"",
            "is given without an `ipv6_address`",
        ),
        (
            "ipv6_address = \"2001:db8::10/64\"\nipv6_gateway = \"2001:db8::10\"",
            "is the appliance's own address",
        ),
        (
            "ipv6_address = \"2001:db8::10/64\"\nipv6_gateway = \"2001:db8:0:1::1\"",
            "is neither in the subnet nor a link-local address",
        ),
    ] {
        let (.., message) = only(&format!("[network]\n{value}\n"));
        assert!(message.contains(reason), "{value}: {message}");
    }
    let right =
        "[network]\nipv6_address = \"2001:db8::10/128\"\nipv6_gateway = \"fe80::1\"\nvlan = 4094\n";
    assert!(Manifest::parse(right).is_ok());
}
