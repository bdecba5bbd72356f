//! Any bytes as a blob: read or refused; what is read is written, and read again as the same.

use basalt_air::CallResults;
use basalt_air::data::{Data, Envelope};
use bumpalo::Bump;

/// Reads `data` as an envelope, as a body and as call results.
pub fn check(data: &[u8]) {
    if let Ok(results) = CallResults::decode(data) {
        assert_eq!(CallResults::decode(&results.encode()), Ok(results));
    }
    let body = match Envelope::decode(data) {
        Ok(envelope) => envelope.inner_data,
        Err(_) => data,
    };
    let arena = Bump::new();
    let Ok(first) = Data::decode(body, &arena, 1) else {
        return;
    };
    // Nothing read is larger than its source by more than a constant factor.
    assert!(first.trace.len() <= body.len() && first.cids.len() <= body.len());
    let written = first.encode(0);
    let envelope = Envelope::decode(&written).expect("our own envelope");
    let arena = Bump::new();
    let second = Data::decode(envelope.inner_data, &arena, 2).expect("our own body");
    assert_eq!(texts(&first), texts(&second));
    assert_eq!(second.encode(0), written, "writing what was written");
}

/// Data with CIDs as texts, since their numbers may differ.
fn texts(data: &Data<'_>) -> String {
    let text = |cid| data.text(cid);
    let values: Vec<_> = data
        .values
        .iter()
        .map(|(cid, raw)| (text(*cid), raw))
        .collect();
    let tetraplets: Vec<_> = data
        .tetraplets
        .iter()
        .map(|(cid, item)| (text(*cid), item))
        .collect();
    let results: Vec<_> = data
        .service_results
        .iter()
        .map(|(cid, r)| {
            (
                text(*cid),
                text(r.value),
                r.argument_hash,
                text(r.tetraplet),
            )
        })
        .collect();
    let canons: Vec<_> = data
        .canon_results
        .iter()
        .map(|(cid, canon)| {
            let values: Vec<_> = canon.values.iter().map(|cid| text(*cid)).collect();
            (text(*cid), text(canon.tetraplet), values)
        })
        .collect();
    let elements: Vec<_> = data
        .canon_elements
        .iter()
        .map(|(cid, item)| (text(*cid), text(item.value), text(item.tetraplet)))
        .collect();
    let (kinds, signatures) = (data.trace.len(), &data.signatures);
    format!("{values:?} {tetraplets:?} {results:?} {canons:?} {elements:?} {kinds} {signatures:?}")
}
