//! The layout of floats in JSON text.
//!
//! The network's nodes write `1e21`, as the crate `ryu` does. Newer versions of `serde_json` write
//! `1e+21`. Scripts and services see such texts, in strings that hold JSON and in errors.

use alloc::string::String;

/// Takes the plus signs out of the exponents of numbers. Strings within the text stay as they are;
/// they have quotes around them and are escaped with backslashes, as in JSON and in `Debug` forms.
#[must_use]
pub fn network(mut text: String) -> String {
    if text.contains("e+") {
        let (mut in_string, mut is_escaped, mut last) = (false, false, ' ');
        text.retain(|char| {
            let keep = in_string || char != '+' || last != 'e';
            in_string ^= char == '"' && !is_escaped;
            is_escaped = in_string && char == '\\' && !is_escaped;
            last = char;
            keep
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_lose_their_plus_signs() {
        for (text, laid_out) in [
            ("[1e+21,-1.5e+300,1e-7,1.0]", "[1e21,-1.5e300,1e-7,1.0]"),
            (r#"["1e+21","\\",1e+22]"#, r#"["1e+21","\\",1e22]"#),
            (r#"["\"e+\"",{"e+":1e+22}]"#, r#"["\"e+\"",{"e+":1e22}]"#),
            (
                r#"Array [String("e+"), Number(1e+22)]"#,
                r#"Array [String("e+"), Number(1e22)]"#,
            ),
        ] {
            assert_eq!(network(text.into()), laid_out);
        }
    }
}
