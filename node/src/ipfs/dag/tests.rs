use super::*;
use alloc::collections::BTreeMap;
use alloc::vec;
use basalt_distro::cid;
use basalt_terms::cid::encode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

const LIMIT: usize = 10 << 20;

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

/// A file's blocks as our own modules have them: leaves, and the node over them.
fn assemble(bytes: &[u8], max: usize) -> Result<Vec<u8>, Error> {
    let mut assembly = Assembly::new(path(&cid::of_file(bytes)), Form::File, max, 1000)?;
    let mut leaves = bytes.chunks(262_144);
    if bytes.len() > 262_144 || bytes.is_empty() {
        assembly.take(&cid::node(bytes))?;
    }
    while assembly.wanted().is_some() {
        assembly.take(leaves.next().unwrap())?;
    }
    Ok(assembly.into_bytes())
}

/// Blocks by their CIDs in binary form.
type Blocks = BTreeMap<Vec<u8>, Vec<u8>>;

/// Fetches what a text names.
fn fetch(blocks: &Blocks, text: &str, form: Form) -> Result<String, Error> {
    let mut assembly = Assembly::new(Path::parse(text)?, form, LIMIT, 100)?;
    while let Some(wanted) = assembly.wanted() {
        let binary = blocks.iter().find(|(binary, _)| {
            Cid::from_bytes(binary).is_some_and(|cid| cid.text() == wanted.text())
        });
        let Some((_, block)) = binary else {
            panic!("nobody has {}", wanted.text());
        };
        assembly.take(block)?;
    }
    Ok(String::from_utf8(assembly.into_bytes()).unwrap())
}

/// A CID of version 1 by SHA-256.
fn sha256(codec: u64, block: &[u8]) -> Vec<u8> {
    let mut binary = vec![1];
    basalt_terms::varint::write(codec, &mut binary);
    binary.extend([0x12, 32]);
    binary.extend_from_slice(&Sha256::digest(block));
    binary
}

#[test]
fn files_come_together_from_their_blocks() {
    for len in [0, 1, 262_144, 262_145, 1_000_000] {
        let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        assert_eq!(assemble(&bytes, LIMIT), Ok(bytes.clone()), "{len}");
    }
    assert_eq!(assemble(&vec![1; 500_000], 400_000), Err(Error::TooLarge));
}

#[test]
fn blocks_that_are_not_what_they_should_be_are_refused() {
    let hello = cid::of_file(b"hello\n");
    let mut assembly = Assembly::new(path(&hello), Form::File, LIMIT, 10).unwrap();
    assert_eq!(
        assembly.take(b"hallo\n"),
        Err(Error::WrongBlock(hello.clone()))
    );
    let mut none = Assembly::new(path(&hello), Form::File, LIMIT, 0).unwrap();
    assert_eq!(none.take(b"hello\n"), Err(Error::TooLarge));
    // A node that is none, under its own true hash.
    let mut bytes = vec![0x12, 32];
    bytes.extend_from_slice(&Sha256::digest(b"\xff\xff"));
    let text = bs58::encode(bytes).into_string();
    let mut broken = Assembly::new(path(&text), Form::File, LIMIT, 10).unwrap();
    assert_eq!(broken.take(b"\xff\xff"), Err(Error::BadNode(text)));
}

/// The same CID in every base that there is, and as a path; the first six are of the field.
#[test]
fn cids_come_in_all_bases() {
    let text = "bafkreiditn4knqdvjymhhyinmmhwnhrvitikcuaspamstmquygun2znhpi";
    let cid = Cid::parse(text).unwrap();
    for other in [
        "zb2rhdgd6NWq9UED98rK76QDk2ofE6prkfm2mBZaF5Wyyjh7o",
        "BAFKREIDITN4KNQDVJYMHHYINMMHWNHRVITIKCUASPAMSTMQUYGUN2ZNHPI",
        "f01551220689b78a6c0754e1873e10d630f669e3544d0a15012781929b214c1a8dd65a77a",
        "F01551220689B78A6C0754E1873E10D630F669E3544D0A15012781929B214C1A8DD65A77A",
    ] {
        assert_eq!(Cid::parse(other), Some(cid.clone()), "{other}");
    }
    let (_, binary) = multibase::decode(text).unwrap();
    use multibase::Base::*;
    for base in [
        Base2,
        Base8,
        Base10,
        Base16Lower,
        Base16Upper,
        Base32Lower,
        Base32Upper,
        Base32PadLower,
        Base32PadUpper,
        Base32HexLower,
        Base32HexUpper,
        Base32HexPadLower,
        Base32HexPadUpper,
        Base32Z,
        Base36Lower,
        Base36Upper,
        Base45,
        Base58Flickr,
        Base58Btc,
        Base64,
        Base64Pad,
        Base64Url,
        Base64UrlPad,
        Base256Emoji,
    ] {
        let text = multibase::encode(base, &binary);
        assert_eq!(Cid::parse(&text), Some(cid.clone()), "{text}");
    }
    for form in [
        "/ipfs/{}",
        "/ipfs/{}/",
        "ipfs://{}",
        "{}/",
        "/ipld/{}/./a/..",
    ] {
        let text = form.replace("{}", text);
        assert_eq!(Path::parse(&text), Ok(Path::from(cid.clone())), "{text}");
    }
}

#[test]
fn texts_that_are_no_cids_are_told() {
    let zero = "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG";
    let zero_in_base32 = multibase::encode(
        multibase::Base::Base32Lower,
        bs58::decode(zero).into_vec().unwrap(),
    );
    for text in [
        "",
        "/",
        "/ipfs/",
        "z2",
        "b",
        "bafk",
        "f0155",
        "Qm",
        "x?",
        "\0\u{1}\u{55}\0\0",
        "/ipns/k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8",
        // Version 0 has one text only; versions 2 and 3 are none.
        &zero_in_base32,
        "f02551220689b78a6c0754e1873e10d630f669e3544d0a15012781929b214c1a8dd65a77a",
        // A byte too few, and one too many.
        "f01551220689b78a6c0754e1873e10d630f669e3544d0a15012781929b214c1a8dd65a7",
        "f01551220689b78a6c0754e1873e10d630f669e3544d0a15012781929b214c1a8dd65a77a00",
        // MD5, a digest of 19 bytes, and BLAKE2b of 152 bits.
        "f0155d50110d41d8cd98f00b204e9800998ecf8427e",
        "f01551213689b78a6c0754e1873e10d630f669e3544d0a1",
        "f015593e40213689b78a6c0754e1873e10d630f669e3544d0a1",
    ] {
        assert!(Path::parse(text).is_err(), "{text}");
    }
    let long = "1".repeat(1 << 20);
    assert_eq!(Path::parse(&long), Err(Error::BadCid(long[..100].into())));
    assert_eq!(Cid::parse(zero).unwrap().text(), zero);
    let deep = format!("{zero}{}", "/a".repeat(65));
    assert!(Path::parse(&deep).is_err());
}

/// Digests of "hello\n" by the coreutils, OpenSSL and Kubo's own table of codes.
#[test]
fn blocks_are_checked_by_every_hash_that_ipfs_allows() {
    let check = |start: &str, digest: &str, len: usize| {
        let bytes = data_encoding::HEXLOWER.decode(format!("{start}{digest}").as_bytes());
        let mut bytes = bytes.unwrap();
        bytes.truncate(bytes.len() - (digest.len() / 2 - len));
        let cid = Cid::from_bytes(&bytes).unwrap();
        assert!(cid.is_of(b"hello\n"), "{start}");
        assert!(!cid.is_of(b"hallo\n"), "{start}");
    };
    let all = include_str!("../../../tests/vectors/ipfs/hashes.txt");
    let mut count = 0;
    for line in all.lines().filter(|line| !line.starts_with('#')) {
        let (code, digest) = line.split_once(' ').unwrap();
        let code = u64::from_str_radix(code, 16).unwrap();
        let full = digest.len() / 2;
        // A digest may be cut to 20 bytes.
        for len in [full, 20] {
            let mut start = vec![1, 0x55];
            basalt_terms::varint::write(code, &mut start);
            basalt_terms::varint::write(len as u64, &mut start);
            check(&data_encoding::HEXLOWER.encode(&start), digest, len);
        }
        count += 1;
    }
    assert!(count > 15);
    // SHAKE-128, SHA-384 and the truncated SHA-256 are known, and not allowed there.
    for code in [0x18, 0x20, 0x1012] {
        let mut bytes = vec![1, 0x55];
        basalt_terms::varint::write(code, &mut bytes);
        bytes.extend([32; 33]);
        assert_eq!(Cid::from_bytes(&bytes), None, "{code:#x}");
    }
    // A number in a longer form than it needs.
    let hello = Cid::parse("bafkreiditn4knqdvjymhhyinmmhwnhrvitikcuaspamstmquygun2znhpi").unwrap();
    let (_, bytes) = multibase::decode(hello.text()).unwrap();
    assert_eq!(Cid::from_bytes(&bytes), Some(hello));
    let longer = [&[0x81, 0][..], &bytes[1..]].concat();
    assert_eq!(Cid::from_bytes(&longer), None);
}

/// A directory, files in it and a directory in shards, made by Kubo 0.3x itself.
#[test]
fn paths_lead_through_directories_of_kubo() {
    let vectors = include_str!("../../../tests/vectors/ipfs/kubo.json");
    let vectors: Value = serde_json::from_str(vectors).unwrap();
    let blocks = vectors["blocks"].as_object().unwrap().iter();
    // The keys are multihashes: version 0, and version 1 of raw leaves.
    let blocks: Blocks = blocks
        .flat_map(|(hash, block)| {
            let hash = data_encoding::HEXLOWER.decode(hash.as_bytes()).unwrap();
            let block = STANDARD.decode(block.as_str().unwrap()).unwrap();
            let raw = [&[1, 0x55], &hash[..]].concat();
            [(hash, block.clone()), (raw, block)]
        })
        .collect();
    let site = vectors["site"].as_str().unwrap();
    let many = vectors["many"].as_str().unwrap();
    for (path, contents) in [
        (format!("{site}/index.txt"), "the index\n"),
        (format!("/ipfs/{site}/sub/a b.txt"), "with a space\n"),
        (format!("{site}//sub/./deep/é.txt"), "an accent\n"),
        (format!("{site}/empty"), ""),
        (format!("{many}/file 0.txt"), "content 0\n"),
        (format!("{many}/file 7.txt"), "content 7\n"),
        (format!("{many}/file 123.txt"), "content 123\n"),
        (format!("{many}/file 599.txt"), "content 599\n"),
    ] {
        assert_eq!(
            fetch(&blocks, &path, Form::File).as_deref(),
            Ok(contents),
            "{path}"
        );
    }
    let fails = |path: String| fetch(&blocks, &path, Form::File).unwrap_err();
    assert_eq!(fails(site.into()), Error::Directory(site.into()));
    assert_eq!(fails(many.into()), Error::Directory(many.into()));
    assert_eq!(
        fails(format!("{site}/no")),
        Error::NoLink(site.into(), "no".into())
    );
    assert!(matches!(fails(format!("{site}/link")), Error::BadNode(_)));
    assert!(matches!(
        fails(format!("{site}/index.txt/x")),
        Error::NoLink(..)
    ));
    let node = fetch(&blocks, site, Form::Json).unwrap();
    let node: Value = serde_json::from_str(&node).unwrap();
    assert_eq!(node["Data"]["/"]["bytes"], "CAE");
    assert_eq!(node["Links"][0]["Name"], "empty");
    assert_eq!(node["Links"].as_array().unwrap().len(), 4);
}

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

#[test]
fn nodes_are_told_as_dag_json() {
    let block = STANDARD.decode("oWVoZWxsb2V3b3JsZA==").unwrap();
    let blocks = Blocks::from([(sha256(codec::DAG_CBOR, &block), block)]);
    let cid = "bafyreidykglsfhoixmivffc5uwhcgshx4j465xwqntbmu43nb2dzqwfvae";
    assert_eq!(
        fetch(&blocks, cid, Form::Json).as_deref(),
        Ok(r#"{"hello":"world"}"#)
    );
    assert_eq!(
        fetch(&blocks, &format!("{cid}/hello"), Form::Json).as_deref(),
        Ok("\"world\"")
    );
    assert!(matches!(
        fetch(&blocks, cid, Form::File),
        Err(Error::BadNode(_))
    ));
    assert!(matches!(
        fetch(&blocks, &format!("{cid}/x"), Form::Json),
        Err(Error::NoLink(..))
    ));
    let told = |block: &str| cbor::to_json(&hex(block), 1000);
    let identity = "d82a4a0001550005";
    for (block, json) in [
        ("00", "0"),
        ("1bffffffffffffffff", "18446744073709551615"),
        ("3bffffffffffffffff", "-18446744073709551616"),
        ("20", "-1"),
        ("f4", "false"),
        ("f5", "true"),
        ("f6", "null"),
        ("f93c00", "1.0"),
        ("f90001", "5.960464477539063e-8"),
        ("fac7c35000", "-100000.0"),
        ("fb3ff199999999999a", "1.1"),
        ("40", r#"{"/":{"bytes":""}}"#),
        ("43010203", r#"{"/":{"bytes":"AQID"}}"#),
        ("6161", r#""a""#),
        ("62220a", r#""\"\n""#),
        ("80", "[]"),
        ("a0", "{}"),
        ("8301820203820405", "[1,[2,3],[4,5]]"),
        // The order of DAG-CBOR is by length first, that of DAG-JSON by letters.
        ("a2616201626161a1617802", r#"{"aa":{"x":2},"b":1}"#),
        ("a3616380616281a0616101", r#"{"a":1,"b":[{}],"c":[]}"#),
        ("d82a49000155000568656c6c", ""),
        ("d82a4a000155000568656c6c6f", r#"{"/":"bafkqablimvwgy3y"}"#),
        // Of no other tag, of no length that is told later, without an end, with more behind it.
        ("c101", ""),
        (identity, ""),
        ("9f01ff", ""),
        ("bf616101ff", ""),
        ("7f6161ff", ""),
        ("81", ""),
        ("a1", ""),
        ("a10101", ""),
        ("a2616101616102", ""),
        ("a3616201616101616103", ""),
        ("0000", ""),
        ("", ""),
        ("61ff", ""),
        ("f7", ""),
        ("f97c00", ""),
        ("fb7ff8000000000000", ""),
        ("9bffffffffffffffff", ""),
        ("bbffffffffffffffff", ""),
        ("5bffffffffffffffff00", ""),
    ] {
        let expected = Some(json).filter(|json| !json.is_empty());
        assert_eq!(told(block).as_deref(), expected, "{block}");
    }
    let nested = |depth: usize| cbor::to_json(&[&vec![0x81; depth], &[0xf6][..]].concat(), LIMIT);
    assert!(nested(64).is_some());
    assert_eq!(nested(65), None);
    assert_eq!(nested(1 << 20), None);
    assert_eq!(cbor::to_json(&hex("43010203"), 5), None);
}

#[test]
fn paths_lead_through_nodes() {
    // {"a": [link to the second, {"b": "x"}]}, and the second {"c": "y"} as JSON.
    let second = br#" {"c": "y", "d": {"/": "bafkqaddimvwgy3zanfxgy2lomu"}, "e": [5]} "#.to_vec();
    let second_cid = sha256(codec::DAG_JSON, &second);
    let mut first = hex("a1616182d82a5826");
    first[7] = 1 + second_cid.len() as u8;
    first.insert(8, 0);
    first.splice(9.., second_cid.clone());
    first.extend(hex("a161626178"));
    let first_cid = sha256(codec::DAG_CBOR, &first);
    let root = encode(&first_cid);
    let blocks = Blocks::from([(first_cid, first), (second_cid, second)]);
    let get = |path: &str| fetch(&blocks, &format!("{root}/{path}"), Form::Json);
    for (path, expected) in [
        ("a/1", r#"{"b":"x"}"#),
        ("a/1/b", "\"x\""),
        ("a/0/c", "\"y\""),
        ("a/0/e/0", "5"),
        // A link at the end is followed, too.
        (
            "a/0",
            r#"{"c":"y","d":{"/":"bafkqaddimvwgy3zanfxgy2lomu"},"e":[5]}"#,
        ),
        ("a/0/d", r#"{"/":{"bytes":"aGVsbG8gaW5saW5l"}}"#),
    ] {
        assert_eq!(get(path).as_deref(), Ok(expected), "{path}");
    }
    for path in [
        "b", "a/2", "a/01x", "a/-1", "a/1/b/c", "a/0/x", "a/0/d/x", "a/0/e/1",
    ] {
        assert!(matches!(get(path), Err(Error::NoLink(..))), "{path}");
    }
    let file = fetch(&blocks, &format!("{root}/a/0/d"), Form::File);
    assert_eq!(file.as_deref(), Ok("hello inline"));
}

/// A few blocks that stand for exponentially many: each has two links to the one below.
#[test]
fn what_few_blocks_unfold_to_is_bounded() {
    let mut below = sha256(codec::RAW, b"x");
    let mut blocks = Blocks::from([(below.clone(), b"x".to_vec())]);
    for _ in 0..40 {
        let mut block = Vec::new();
        for _ in 0..2 {
            block.extend([0x12, below.len() as u8 + 2, 0x0a, below.len() as u8]);
            block.extend_from_slice(&below);
        }
        block.extend([0x0a, 2, 0x08, 2]);
        below = sha256(codec::DAG_PB, &block);
        blocks.insert(below.clone(), block);
    }
    let root = encode(&below);
    assert_eq!(fetch(&blocks, &root, Form::File), Err(Error::TooLarge));
    // Blocks in their CIDs unfold without a request: they count as well.
    let mut inlined = vec![1, 0x55, 0, 1, b'x'];
    while inlined.len() < 60 {
        let mut block = Vec::new();
        for _ in 0..2 {
            block.extend([0x12, inlined.len() as u8 + 2, 0x0a, inlined.len() as u8]);
            block.extend_from_slice(&inlined);
        }
        block.extend([0x0a, 2, 0x08, 2]);
        inlined = [&[1, 0x70, 0, block.len() as u8], &block[..]].concat();
    }
    let form = Form::File;
    let path = || path(&encode(&inlined));
    let whole = Assembly::new(path(), form, LIMIT, 1000).unwrap();
    assert!(whole.wanted().is_none() && whole.size() > 1);
    assert_eq!(
        Assembly::new(path(), form, 1, 1000).err(),
        Some(Error::TooLarge)
    );
    assert_eq!(
        Assembly::new(path(), form, LIMIT, 2).err(),
        Some(Error::TooLarge)
    );
}

/// Nodes of a file that are full of what nobody reads.
#[test]
fn what_blocks_have_besides_the_file_is_bounded() {
    let mut below = sha256(codec::RAW, b"x");
    let mut blocks = Blocks::from([(below.clone(), b"x".to_vec())]);
    let name = vec![b'n'; 100_000];
    for _ in 0..20 {
        let mut link = Vec::new();
        basalt_terms::protobuf::write_bytes(1, &below, &mut link);
        basalt_terms::protobuf::write_bytes(2, &name, &mut link);
        let mut block = Vec::new();
        basalt_terms::protobuf::write_bytes(2, &link, &mut block);
        block.extend([0x0a, 2, 0x08, 2]);
        below = sha256(codec::DAG_PB, &block);
        blocks.insert(below.clone(), block);
    }
    let take = |max| {
        let mut assembly = Assembly::new(path(&encode(&below)), Form::File, max, 100).unwrap();
        while let Some(wanted) = assembly.wanted().map(|cid| cid.text().to_string()) {
            let (_, binary) = multibase::decode(wanted).unwrap();
            assembly.take(&blocks[&binary])?;
        }
        Ok(assembly.into_bytes())
    };
    assert_eq!(take(1_000_000), Ok(b"x".to_vec()));
    assert_eq!(take(400_000), Err(Error::TooLarge));
    let long = format!("[{}1]", "1,".repeat(MAX_JSON / 2));
    let cid = sha256(codec::DAG_JSON, long.as_bytes());
    let blocks = Blocks::from([(cid.clone(), long.into_bytes())]);
    let told = fetch(&blocks, &encode(&cid), Form::Json);
    assert_eq!(told, Err(Error::NoJson(encode(&cid))));
}

/// Values as other implementations write them, in both forms.
#[test]
fn dag_json_is_what_others_write() {
    let vectors = include_str!("../../../tests/vectors/ipfs/dag.json");
    let vectors: Vec<(String, String)> = serde_json::from_str(vectors).unwrap();
    assert_eq!(vectors.len(), 300);
    for (block, json) in vectors {
        let block = STANDARD.decode(block).unwrap();
        // An exponent may have a sign.
        let json = json.replace("e+", "e");
        let told = cbor::to_json(&block, LIMIT);
        assert_eq!(told.as_deref(), Some(&*json));
        for len in 0..block.len() {
            assert_eq!(cbor::to_json(&block[..len], LIMIT), None, "{json}");
        }
        // What was told is read as DAG-JSON again, and is the same.
        let cid = sha256(codec::DAG_JSON, json.as_bytes());
        let blocks = Blocks::from([(cid.clone(), json.clone().into_bytes())]);
        let again = fetch(&blocks, &encode(&cid), Form::Json).unwrap();
        let values = [&again, &json].map(|text| serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(values[0], values[1]);
    }
}

/// Maps in maps whose entries stand in another order: each moves all that is in it.
#[test]
fn texts_are_put_in_order_so_often_and_no_more() {
    let nested = |len: usize| {
        let mut block = vec![0x7a];
        block.extend((len as u32).to_be_bytes());
        block.extend(core::iter::repeat_n(b'x', len));
        for _ in 0..60 {
            block = [&b"\xa2\x61b"[..], &block, b"\x61a\x00"].concat();
        }
        cbor::to_json(&block, 64 << 20)
    };
    assert!(
        nested(1 << 10)
            .unwrap()
            .starts_with(r#"{"a":0,"b":{"a":0,"#)
    );
    assert_eq!(nested(1 << 20), None);
    // The same name twice.
    assert_eq!(cbor::to_json(b"\xa2\x61a\x00\x61a\x00", 100), None);
}
