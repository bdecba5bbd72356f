//! A name server on an appliance's wire, by hand: it takes what is for it out of the frames that
//! the appliance sends, and puts its answers among those that it receives.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::link::Nic;

/// Where it is.
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 53);
const MAC: [u8; 6] = [2, 0, 0, 0, 0, 53];

/// A record of a name.
#[derive(Clone)]
pub(crate) enum Record {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    Txt(String),
}

impl Record {
    /// Its type's number, and its data.
    fn wire(&self) -> (u8, Vec<u8>) {
        match self {
            Record::A(ip) => (1, ip.octets().into()),
            Record::Aaaa(ip) => (28, ip.octets().into()),
            Record::Txt(text) => (16, [&[text.len() as u8], text.as_bytes()].concat()),
        }
    }
}

#[derive(Default)]
pub(crate) struct NameServer {
    pub(crate) records: Vec<(&'static str, Record)>,
    /// Names that it was asked for.
    pub(crate) asked: Vec<String>,
}

impl NameServer {
    /// Answers what a NIC has sent.
    pub(crate) fn serve(&mut self, nic: &mut Nic) {
        for frame in std::mem::take(&mut nic.sent) {
            match self.answer(&frame) {
                Some(answer) => nic.received.push_back(answer),
                None => nic.sent.push_back(frame),
            }
        }
    }

    fn answer(&mut self, frame: &[u8]) -> Option<Vec<u8>> {
        let mut answer = Vec::new();
        answer.extend(&frame[6..12]);
        answer.extend(MAC);
        answer.extend(&frame[12..14]);
        match frame[12..14] {
            // ARP: who has the address?
            [8, 6] if frame[38..42] == ADDRESS.octets() => {
                answer.extend(&frame[14..20]);
                answer.extend([0, 2]);
                answer.extend(MAC);
                answer.extend(ADDRESS.octets());
                answer.extend(&frame[22..32]);
                Some(answer)
            }
            // IPv4 without options, UDP.
            [8, 0] if frame[23] == 17 && frame[30..34] == ADDRESS.octets() => {
                let message = self.message(&frame[42..]);
                let mut header = frame[14..34].to_vec();
                let len = 28 + message.len() as u16;
                header[2..4].copy_from_slice(&len.to_be_bytes());
                header[10..12].fill(0);
                header[12..16].copy_from_slice(&ADDRESS.octets());
                header[16..20].copy_from_slice(&frame[26..30]);
                let sum = checksum(&header);
                header[10..12].copy_from_slice(&sum.to_be_bytes());
                answer.extend(header);
                // Ports the other way round; no checksum.
                answer.extend([&frame[36..38], &frame[34..36]].concat());
                answer.extend((len - 20).to_be_bytes());
                answer.extend([0, 0]);
                answer.extend(message);
                Some(answer)
            }
            _ => None,
        }
    }

    fn message(&mut self, question: &[u8]) -> Vec<u8> {
        // The option about sizes at the end is left out.
        let mut answer = question[..question.len() - 11].to_vec();
        let (mut labels, mut at) = (Vec::new(), 12);
        while answer[at] != 0 {
            let end = at + 1 + usize::from(answer[at]);
            labels.push(String::from_utf8(answer[at + 1..end].to_vec()).unwrap());
            at = end;
        }
        let (name, kind) = (labels.join("."), answer[at + 2]);
        let known = self.records.iter().filter(|(known, _)| *known == name);
        let found: Vec<Vec<u8>> = known
            .map(|(_, record)| record.wire())
            .filter(|(number, _)| *number == kind)
            .map(|(_, data)| data)
            .collect();
        answer[2..4].copy_from_slice(&[0x81, 0x80]);
        answer[6..12].copy_from_slice(&[0, found.len() as u8, 0, 0, 0, 0]);
        for data in found {
            answer.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
            answer.extend(data);
        }
        self.asked.push(name);
        answer
    }
}

/// The internet checksum (RFC 1071).
fn checksum(header: &[u8]) -> u16 {
    let words = header
        .chunks(2)
        .map(|word| u32::from(word[0]) << 8 | u32::from(word[1]));
    let sum: u32 = words.sum();
    !(((sum & 0xffff) + (sum >> 16)) as u16)
}
