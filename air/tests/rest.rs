//! A peer that has nothing left to do in a particle is told so, and only then.

mod support;

use basalt_air::Outcome;
use support::single::run;

const ME: &str = "%init_peer_id%";

fn is_over(air: &str) -> bool {
    let Outcome {
        finished, ret_code, ..
    } = run(&air.replace("ME", ME));
    assert_eq!(ret_code, 0, "{air}");
    finished
}

#[test]
fn what_stands_behind_others_may_be_left() {
    let over = [
        "(null)",
        "(call \"b\" (\"s\" \"f\") [])",
        "(seq (ap 1 $s) (seq (canon ME $s #c) (call \"b\" (\"s\" \"f\") [#c])))",
        "(xor (call \"b\" (\"s\" \"f\") []) (call \"c\" (\"s\" \"f\") []))",
        "(seq (seq (ap 1 $s) (canon ME $s #c)) (par (call \"b\" (\"s\" \"f\") []) (null)))",
        "(fold [] i (seq (call \"b\" (\"s\" \"f\") []) (next i)))",
        "(new x (match 1 1 (call \"b\" (\"s\" \"f\") [])))",
    ];
    for air in over {
        assert!(is_over(air), "{air}");
    }
    let left = [
        "(call ME (\"s\" \"f\") [])",
        "(seq (call \"b\" (\"s\" \"f\") []) (call ME (\"s\" \"f\") []))",
        "(seq (call \"b\" (\"s\" \"f\") [] x) (call x (\"s\" \"f\") []))",
        "(xor (call \"b\" (\"s\" \"f\") []) (call ME (\"s\" \"f\") []))",
        "(seq (call \"b\" (\"s\" \"f\") [] $s) (canon ME $s #c))",
        "(par (call \"b\" (\"s\" \"f\") [] x) (seq (ap x $s) (call ME (\"s\" \"f\") [])))",
        "(par (call \"b\" (\"s\" \"f\") [] x) (match x 1 (call ME (\"s\" \"f\") [])))",
        "(par (call \"b\" (\"s\" \"f\") [] x) (fold x i (call ME (\"s\" \"f\") [])))",
        "(par (call \"b\" (\"s\" \"f\") [] $s)
            (fold $s i (par (call ME (\"s\" \"f\") [i]) (next i))))",
        "(seq (ap 1 $t) (seq (canon ME $t #t) (fold #t i
            (seq (seq (match 2 2 (null)) (call \"b\" (\"s\" \"f\") [])) (call ME (\"s\" \"f\") [])))))",
    ];
    for air in left {
        assert!(!is_over(air), "{air}");
    }
}

#[test]
fn too_much_to_look_at_may_be_left() {
    let long = (0..5000).fold(String::from("(call \"b\" (\"s\" \"f\") [])"), |air, _| {
        format!("(seq {air} (null))")
    });
    assert!(!is_over(&long));
    let wide = (0..40).fold(String::from("(null)"), |air, n| {
        format!("(par {air} (call \"b{n}\" (\"s\" \"f\") []))")
    });
    assert!(!is_over(&wide));
}
