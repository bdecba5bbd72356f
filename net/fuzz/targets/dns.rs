//! No answer of a name server does harm: what is read of it stays within the limits, and all of it
//! was in the answer.

use basalt_net::dns::{Kind, Limits, Record, question, read_answer};

/// The name whose length is the first byte; the rest is the answer to a question about it.
pub fn check(data: &[u8]) {
    let Some((&len, rest)) = data.split_first() else {
        return;
    };
    let Some((name, answer)) = rest.split_at_checked(len.into()) else {
        return;
    };
    let Ok(name) = core::str::from_utf8(name) else {
        return;
    };
    let limits = Limits::default();
    let id = answer.first_chunk().map_or(0, |id| u16::from_be_bytes(*id));
    for kind in [Kind::A, Kind::Aaaa, Kind::Txt] {
        let asked = question(id, name, kind, &limits);
        let Ok(records) = read_answer(id, name, kind, &limits, answer) else {
            continue;
        };
        assert!(asked.is_ok() && (1..=limits.max_records).contains(&records.len()));
        for record in records {
            let fits = match record {
                Record::Address(ip) => ip.is_ipv4() == (kind == Kind::A) && kind != Kind::Txt,
                Record::Text(text) => kind == Kind::Txt && text.len() < answer.len(),
            };
            assert!(fits);
        }
    }
}
