//! No secret of a manifest, however broken, is in anything that the checker says or shows.
//!
//! Manifests with secrets are changed at random, as an unlucky hand would change them: a misspelt
//! key, a lost quote, a line in the wrong section. Then every output is searched for any piece of
//! the secrets.

use basalt_manifest::{Machine, Manifest};

/// Characters of a secret that must not be shown in a row.
const PIECE: usize = 8;

/// How many changed manifests are tried.
const ROUNDS: u64 = 1_500;

const CERTIFICATE: &str = include_str!("../src/schema/pem/certificate.pem");
const KEY: &str = include_str!("../src/schema/pem/key.pem");

/// Numbers that look random and are the same in each run (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }

    fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        let letter = |_| char::from(alphabet[self.below(alphabet.len())]);
        (0..length).map(letter).collect()
    }
}

/// A manifest, and the secrets in it.
fn manifest(numbers: &mut Numbers) -> (String, Vec<String>) {
    const HEX: &[u8] = b"0123456789abcdef";
    const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let seed = numbers.text(BASE64, 42) + "A=";
    let wallet = numbers.text(HEX, 64);
    let customer = numbers.text(&HEX[..10], 24);
    let diamond = "ab".repeat(20);
    let text = format!(
        "[node]\nnetwork = \"kras\"\nseed = \"{seed}\"\nbootstrap = []\n\n\
         [network]\ntcp_port = 977 # {wallet}\nhostname = \"basalt\"\nexternal_addresses = [\n    \
         \"/ip4/203.0.113.7/tcp/977\",\n]\n\n\
         [tls]\ncertificate = \"\"\"\n{CERTIFICATE}\"\"\"\nkey = \"\"\"\n{KEY}\"\"\"\n\n\
         [chain]\nendpoint = \"https://rpc.example.org/{customer}\"\ndiamond = \"{diamond}\"\n\
         chain_id = 31337\nwallet_key = \"{wallet}\"\n\n[log]\nlevel = \"info\"\n"
    );
    let mut secrets = vec![seed, wallet, customer];
    secrets.extend(
        KEY.lines()
            .filter(|line| !line.starts_with('-'))
            .map(String::from),
    );
    (text, secrets)
}

/// Changes the text in one place.
fn change(text: &str, numbers: &mut Numbers) -> String {
    let mut lines: Vec<String> = text.lines().map(String::from).collect();
    if lines.is_empty() {
        return String::new();
    }
    let line = numbers.below(lines.len());
    let other = numbers.below(lines.len());
    let column = numbers.below(lines[line].len());
    match numbers.below(9) {
        // A character is lost.
        0 if column < lines[line].len() => {
            lines[line].remove(column);
        }
        // A character comes in.
        1 => {
            const ODD: &[u8] = b"\"'=[]{}#,.\\ \n\tax_0";
            let odd = char::from(ODD[numbers.below(ODD.len())]);
            lines[line].insert(column, odd);
        }
        // Neighbours change places.
        2 if column + 1 < lines[line].len() => {
            let mut bytes = lines[line].clone().into_bytes();
            bytes.swap(column, column + 1);
            lines[line] = String::from_utf8(bytes).unwrap();
        }
        // The quotes of a line are lost.
        3 => lines[line] = lines[line].replace('"', ""),
        // A line is lost.
        4 => {
            lines.remove(line);
        }
        // A line is there twice, or in the wrong section.
        5 => {
            let copy = lines[line].clone();
            lines.insert(other, copy);
        }
        6 => lines.swap(line, other),
        // The name of a key is misspelt.
        7 => {
            let misspelt = lines[line].replacen(['e', 'a', 'k'], "", 1);
            lines[line] = misspelt;
        }
        // The text ends early.
        _ => {
            lines[line].truncate(column);
            if numbers.below(4) == 0 {
                lines.truncate(line + 1);
            }
        }
    }
    lines.join("\n")
}

/// All that the checker says of a text, and shows of it.
fn outputs(text: &[u8]) -> String {
    match Manifest::from_bytes(text) {
        Ok(manifest) => {
            let machine = Machine {
                cores: 0,
                memory: 0,
            };
            let problems = manifest.check(&machine).unwrap_err();
            format!(
                "{}\n{manifest:?}\n{problems}\n{problems:?}",
                manifest.page()
            )
        }
        Err(problems) => format!("{problems}\n{problems:?}"),
    }
}

/// A piece of a secret that is in the text.
fn leak<'s>(shown: &str, secrets: &'s [String]) -> Option<&'s str> {
    secrets.iter().find_map(|secret| {
        let mut pieces = (0..=secret.len() - PIECE).map(|at| &secret[at..at + PIECE]);
        // A key names its curve, and holds the public key too, as the certificate does.
        pieces.find(|piece| shown.contains(piece) && !CERTIFICATE.contains(piece))
    })
}

#[test]
fn no_secret_is_shown() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut accepted = 0;
    for round in 0..ROUNDS {
        let (whole, secrets) = manifest(&mut numbers);
        assert!(leak(&whole, &secrets).is_some());
        let mut text = whole;
        for _ in 0..round % 5 {
            text = change(&text, &mut numbers);
        }
        let mut bytes = text.clone().into_bytes();
        if round % 16 == 15 {
            let at = numbers.below(bytes.len());
            bytes[at] = 0xff;
        }
        accepted += u64::from(Manifest::from_bytes(&bytes).is_ok());
        let shown = outputs(&bytes);
        if let Some(piece) = leak(&shown, &secrets) {
            let lines = shown.lines().filter(|line| line.contains(piece));
            panic!(
                "round {round} shows {piece} in {:#?}\nof\n{text}",
                lines.collect::<Vec<_>>()
            );
        }
    }
    // Both ways are tried often.
    assert!(
        (ROUNDS / 10..ROUNDS * 9 / 10).contains(&accepted),
        "{accepted}"
    );
}

#[test]
fn reports_show_the_key_and_the_shape_of_what_is_secret() {
    let said = |text: &str| Manifest::parse(text).unwrap_err().to_string();
    for (text, line, message) in [
        // A secret.
        (
            "[chain]\nwallet_key = \"c0ffee-1\"\n",
            "    2 | wallet_key = \"********\"",
            "`wallet_key` must be a string of 64 hex digits, not a string of 8 characters",
        ),
        // A misspelt key.
        (
            "[node]\nsed = \"c0ffee-1\"\n",
            "    2 | sed = \"********\"",
            "unknown key `sed` in [node]",
        ),
        // A key that does not exist.
        (
            "[http]\ntoken = \"c0ffee-1\"\n",
            "    2 | token = \"********\"",
            "unknown key `token` in [http]",
        ),
        // A key in the wrong section.
        (
            "[network]\nseed = \"c0ffee-1\"\n",
            "    2 | seed = \"********\"",
            "`seed` belongs in section [node]",
        ),
        // No TOML.
        (
            "[node]\nseed = c0ffee-1\n",
            "    2 | seed = ********",
            "line 2",
        ),
        (
            "[node]\nseed \"c0ffee-1\"\n",
            "    2 | seed \"********\"",
            "line 2",
        ),
        // A secret that became a key.
        (
            "[node]\nc0ffee-1 = 1\n",
            "    2 | ******** = *",
            "unknown key of 8 characters in [node]",
        ),
        // A comment.
        (
            "[network]\nvlan = 0 # c0ffee-1\n",
            "    2 | vlan = 0 # ********",
            "`vlan` must be from 1 to 4094, not 0",
        ),
    ] {
        let report = said(text);
        assert!(!report.contains("c0ffee"), "{report}");
        assert!(
            report.lines().any(|shown| shown == line),
            "{line}\n{report}"
        );
        assert!(report.contains(message), "{message}\n{report}");
    }
    // A value that is known, not secret, and whole is shown.
    let report = said("[log]\nlevel = \"loud\"\n");
    assert!(
        report.contains("not \"loud\"\n    2 | level = \"loud\""),
        "{report}"
    );
}

#[test]
fn a_key_beside_the_certificate_is_refused() {
    let text = format!(
        "[tls]\ncertificate = \"\"\"\n{CERTIFICATE}{KEY}\"\"\"\nkey = \"\"\"\n{KEY}\"\"\"\n"
    );
    let report = Manifest::parse(&text).unwrap_err().to_string();
    assert!(
        report.contains("`certificate` holds a private key"),
        "{report}"
    );
}
