//! Data whose fold lore many folds read.

use basalt_air::data::{Data, Lore, State, SubTrace};

/// A script of two nested folds over so many values, and data that gives all iterations of the
/// outer fold the same state of the inner one: its lore is read once for each of them.
pub fn lore_that_many_folds_read(count: u32) -> (String, Vec<u8>) {
    let generations: Vec<[u32; 1]> = (0..count).map(|number| [number]).collect();
    let piece = |begin, len| SubTrace { begin, len };
    // All iterations of the outer fold have their piece at one place: the state of the inner fold.
    let inner = count + 2;
    let [outer_pieces, inner_pieces] = [
        [piece(inner, 1), piece(inner + 1, 0)],
        [piece(inner + 1, 0), piece(inner + 1, 0)],
    ];
    let lore = |subtraces| -> Vec<Lore<'_>> {
        let record = |value_pos| Lore {
            value_pos,
            subtraces,
        };
        (0..count).map(record).collect()
    };
    let (outer_lore, inner_lore) = (lore(&outer_pieces[..]), lore(&inner_pieces[..]));
    let ap = |generations| State::Ap { generations };
    let mut trace: Vec<State<'_>> = generations.iter().map(|one| ap(&one[..])).collect();
    trace.push(ap(&[0]));
    trace.push(State::Fold { lore: &outer_lore });
    trace.push(State::Fold { lore: &inner_lore });
    trace.extend((1..count).map(|_| ap(&[0])));
    let data = Data {
        trace,
        ..Data::default()
    };
    let fill = (1..count).fold("(ap 1 $s)".to_owned(), |fill, _| {
        format!("(seq {fill} (ap 1 $s))")
    });
    let folds = "(fold $s i (seq (fold $t j (null)) (next i)))";
    let air = format!("(seq {fill} (seq (ap 1 $t) {folds}))");
    (air, data.encode(0))
}
