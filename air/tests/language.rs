//! Rules of the language that no recorded case shows; random scripts beside the reference did.

mod support;

use basalt_air::code;
use support::single::run;

#[test]
fn a_value_that_is_waited_for_hides_the_failure_of_the_next() {
    // `x` will come from another peer, `:error:` has no such field: the comparison waits, and `xor`
    // has nothing to catch.
    for test in ["match", "mismatch"] {
        let outcome = run(&format!(
            "(par (call \"elsewhere\" (\"s\" \"f\") [] x)
                (xor ({test} x :error:.$.absent (null)) (call %init_peer_id% (\"s\" \"f\") [])))"
        ));
        assert_eq!(outcome.ret_code, 0);
        assert!(outcome.call_requests.is_empty());
    }
    // The other way round, the failure comes first.
    let outcome = run("(par (call \"elsewhere\" (\"s\" \"f\") [] x)
            (xor (match :error:.$.absent x (null)) (call %init_peer_id% (\"s\" \"f\") [])))");
    assert_eq!(outcome.call_requests.len(), 1);
}

#[test]
fn an_absent_key_of_a_canon_map_has_no_values_under_any_lens() {
    for lens in [".$.a", ".$.a.[0]", ".$.a.[0].b", ".$.a.b", ".$.[7].[0].b"] {
        let outcome = run(&format!(
            "(seq (ap (\"k\" 1) %m0) (seq (canon %init_peer_id% %m0 #%map)
                (call %init_peer_id% (\"s\" \"f\") [#%map{lens}])))"
        ));
        let (_, request) = &outcome.call_requests[0];
        assert_eq!(request.arguments(), "[[]]");
        assert_eq!(
            request.tetraplets().next().unwrap().next().unwrap().lens,
            lens
        );
    }
    let outcome = run(
        "(seq (ap (\"k\" 1) %m0) (seq (canon %init_peer_id% %m0 #%map)
            (call %init_peer_id% (\"s\" \"f\") [#%map.$.k.[1]])))",
    );
    assert_eq!(outcome.ret_code, code::LENS);
}
