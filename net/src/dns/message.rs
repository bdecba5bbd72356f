//! Questions and answers (RFC 1035 section 4). Each compression pointer in a name must lead further
//! back than the one before, so a name cannot loop.

use alloc::vec;
use alloc::vec::Vec;

use smoltcp::wire::{
    DnsFlags, DnsOpcode, DnsPacket, DnsQueryType, DnsQuestion, DnsRcode, DnsRecord, DnsRecordData,
    DnsRepr,
};

use super::error::Error;
use super::limits::Limits;
use super::record::{Kind, Record};

/// TXT's number.
const TXT: u16 = 16;
/// The longest name, with the lengths of its labels (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 255;
const MAX_LABEL: usize = 63;

impl Kind {
    fn number(self) -> DnsQueryType {
        match self {
            Kind::A => DnsQueryType::A,
            Kind::Aaaa => DnsQueryType::Aaaa,
            Kind::Txt => DnsQueryType::Unknown(TXT),
        }
    }
}

/// A question about `name`, which may end in a dot, with the transaction number `id`.
///
/// # Errors
/// [`Error::BadName`] for a name with an empty label, one of more than 63 bytes, or more than 255
/// in all.
pub fn question(id: u16, name: &str, kind: Kind, limits: &Limits) -> Result<Vec<u8>, Error> {
    let name = encode_name(name)?;
    let repr = DnsRepr {
        transaction_id: id,
        opcode: DnsOpcode::Query,
        flags: DnsFlags::RECURSION_DESIRED,
        question: DnsQuestion {
            name: &name,
            type_: kind.number(),
        },
    };
    let mut bytes = vec![0; repr.buffer_len()];
    let mut packet = DnsPacket::new_unchecked(&mut bytes[..]);
    repr.emit(&mut packet);
    packet.set_additional_record_count(1);
    bytes.extend(size_option(limits));
    Ok(bytes)
}

/// The pseudo record that tells how large the answer may be (RFC 6891 section 6.1): root, OPT, the
/// size, nothing else.
fn size_option(limits: &Limits) -> [u8; 11] {
    let [high, low] = u16::try_from(limits.max_answer)
        .unwrap_or(u16::MAX)
        .to_be_bytes();
    [0, 0, 41, high, low, 0, 0, 0, 0, 0, 0]
}

fn encode_name(name: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::with_capacity(name.len() + 2);
    for label in name.strip_suffix('.').unwrap_or(name).split('.') {
        let len = u8::try_from(label.len()).map_err(|_| Error::BadName)?;
        if !(1..=MAX_LABEL).contains(&label.len()) {
            return Err(Error::BadName);
        }
        bytes.push(len);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    match bytes.len() <= MAX_NAME {
        true => Ok(bytes),
        false => Err(Error::BadName),
    }
}

/// Reads the answer to [`question`]; of one that was cut off (RFC 1035 section 4.1.1, TC), the
/// records that are there.
///
/// # Errors
/// It is not the answer, it is malformed, or it says that there is nothing.
pub fn read_answer(
    id: u16,
    name: &str,
    kind: Kind,
    limits: &Limits,
    bytes: &[u8],
) -> Result<Vec<Record>, Error> {
    let asked = encode_name(name)?;
    let packet = DnsPacket::new_checked(bytes).map_err(|_| Error::NotOurs)?;
    let is_answer = packet.flags().contains(DnsFlags::RESPONSE)
        && packet.opcode() == DnsOpcode::Query
        && packet.question_count() == 1;
    if packet.transaction_id() != id || !is_answer || bytes.len() > limits.max_answer {
        return Err(Error::NotOurs);
    }
    let (mut rest, echo) = DnsQuestion::parse(packet.payload()).map_err(|_| Error::NotOurs)?;
    if echo.type_ != kind.number() || !same_name(&read_name(&packet, echo.name)?, &asked) {
        return Err(Error::NotOurs);
    }
    match packet.rcode() {
        DnsRcode::NoError => {}
        DnsRcode::NXDomain => return Err(Error::NoSuchName),
        _ => return Err(Error::ServerFailure),
    }
    let mut answers = Vec::new();
    // As many as the packet has room for: each takes eleven bytes at least.
    for _ in 0..packet.answer_record_count() {
        let Ok((next, record)) = DnsRecord::parse(rest) else {
            if packet.flags().contains(DnsFlags::TRUNCATED) {
                break;
            }
            return Err(Error::Malformed);
        };
        rest = next;
        answers.push((read_name(&packet, record.name)?, record.data));
    }
    collect(&packet, asked, kind, &answers, limits)
}

/// The records of a name, or of the one that it stands for.
fn collect(
    packet: &DnsPacket<&[u8]>,
    mut name: Vec<u8>,
    kind: Kind,
    answers: &[(Vec<u8>, DnsRecordData<'_>)],
    limits: &Limits,
) -> Result<Vec<Record>, Error> {
    for _ in 0..=limits.max_aliases {
        let own = || {
            answers
                .iter()
                .filter(|(owner, _)| same_name(owner, &name))
                .map(|(_, data)| data)
        };
        let records: Vec<Record> = own()
            .filter_map(|data| record(data, kind))
            .take(limits.max_records)
            .collect();
        if !records.is_empty() {
            return Ok(records);
        }
        let alias = own().find_map(|data| match data {
            DnsRecordData::Cname(alias) => Some(*alias),
            _ => None,
        });
        name = read_name(packet, alias.ok_or(Error::NoRecord)?)?;
    }
    Err(Error::NoRecord)
}

fn record(data: &DnsRecordData<'_>, kind: Kind) -> Option<Record> {
    match (data, kind) {
        (DnsRecordData::A(ip), Kind::A) => Some(Record::Address((*ip).into())),
        (DnsRecordData::Aaaa(ip), Kind::Aaaa) => Some(Record::Address((*ip).into())),
        (DnsRecordData::Other(number, strings), Kind::Txt) if u16::from(*number) == TXT => {
            text(strings).map(Record::Text)
        }
        _ => None,
    }
}

/// The strings of a TXT record (RFC 1035 section 3.3.14), joined: each has its length in front.
fn text(mut strings: &[u8]) -> Option<Vec<u8>> {
    let mut joined = Vec::with_capacity(strings.len());
    while let Some((&len, rest)) = strings.split_first() {
        let (string, rest) = rest.split_at_checked(len.into())?;
        joined.extend(string);
        strings = rest;
    }
    Some(joined)
}

/// A name of the packet, without compression.
fn read_name(packet: &DnsPacket<&[u8]>, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut name = Vec::new();
    for label in packet.parse_name(bytes) {
        let label = label.map_err(|_| Error::Malformed)?;
        // Two bits of a label's length are not part of it.
        name.push(label.len() as u8);
        name.extend(label);
        if name.len() >= MAX_NAME {
            return Err(Error::Malformed);
        }
    }
    name.push(0);
    Ok(name)
}

/// Whether two names are the same (RFC 4343: without regard to the case of letters; lengths are no
/// letters).
fn same_name(a: &[u8], b: &[u8]) -> bool {
    a.eq_ignore_ascii_case(b)
}
