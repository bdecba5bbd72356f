//! What a chain's endpoint sends: JSON-RPC around contracts' answers.

use basalt_node::chain::views;

/// As a body; then its bytes as the answer of a contract, which cannot grow on its way to scripts
/// but by what JSON adds; then as an error beside a null result, which is none.
pub fn check(data: &[u8]) {
    let _ = views(data);
    let hex: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
    let body = format!(r#"[{{"id":0,"result":"0x{hex}"}}]"#);
    for view in views(body.as_bytes()).into_iter().flatten() {
        assert!(view.to_string().len() <= 256 + 16 * data.len());
    }
    let body = format!(r#"[{{"id":0,"result":null,"error":{{"message":"{hex}"}}}}]"#);
    let [.., workers, receipt] = views(body.as_bytes());
    assert!(workers.is_err());
    assert!(receipt.is_ok_and(|receipt| receipt["success"] == false));
}
