//! Who calls what how, without modules.

use super::*;

fn peer(n: u8) -> PeerId {
    basalt_net::keypair::Keypair::from_seed([n; 32]).peer_id()
}

fn text(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn names_are_read_as_they_are_written() {
    let names = Names::new("a").with(&peer(1), "b").unwrap().led_by("c");
    assert_eq!(names.first(), "c");
    let kept = Names::parse("c".into(), Some(names.text().as_bytes()));
    assert_eq!(kept, names);
    assert_eq!(Names::parse("a".into(), None), Names::new("a"));
    assert_eq!(
        Names::parse("a".into(), Some(b"[1,[null],[2,\"x\"]]")),
        Names::new("a")
    );

    let adders = Adders::unknown().of_node(text(&["x", "y"]));
    let adders = adders.with(&peer(1), core::iter::once(None));
    assert_eq!(Adders::parse(adders.text().as_bytes()), Some(adders));
    let adders = Adders::default().with(&peer(1), [Some(&names), None].into_iter());
    assert_eq!(
        Adders::parse(adders.text().as_bytes()),
        Some(adders.clone())
    );
    assert_eq!(adders.0[0].1, [Some("b".to_string()), None]);
    assert_eq!(Adders::parse(b"{}"), None);
}

#[test]
fn an_author_has_his_own_names_and_not_all_of_them() {
    let mut names = Names::new("a");
    for n in 0..MAX_NAMES_OF_AUTHOR {
        names = names.with(&peer(1), &alloc::format!("n{n}")).unwrap();
    }
    assert_eq!(names.with(&peer(1), "more"), None);
    let again = names.with(&peer(1), "n3").unwrap();
    assert_eq!(again.latest(&peer(1)), "n3");
    assert_eq!(again.given.len(), MAX_NAMES_OF_AUTHOR);
    assert_eq!(names.latest(&peer(2)), "a");
    let other = names.with(&peer(2), "more").unwrap();
    assert_eq!(other.latest(&peer(2)), "more");
}

#[test]
fn candidates_are_never_those_of_another_author() {
    let module = Names::new("first").with(&peer(1), "own").unwrap();
    let module = module.with(&peer(2), "evil").unwrap();
    let own = Adders::default().with(&peer(1), core::iter::once(Some(&module)));
    // The other one has added the blueprint as well, before or after.
    let after = own.with(&peer(2), core::iter::once(Some(&module)));
    let before = Adders::default().with(&peer(2), core::iter::once(Some(&module)));
    let before = before.with(&peer(1), core::iter::once(Some(&module)));
    for adders in [own, after, before] {
        let candidates = adders.candidates(&peer(1), 0, &module);
        assert_eq!(candidates, ["own", "first"]);
    }
    let node = Adders::unknown().of_node(text(&["node"]));
    let node = node.with(&peer(1), core::iter::once(Some(&module)));
    let candidates = node.candidates(&peer(1), 0, &module);
    assert_eq!(candidates, ["node", "first", "own"]);
    let old = Adders::unknown().candidates(&peer(3), 0, &module);
    assert_eq!(old, ["first"]);
}

fn settled(modules: &[(&[&str], &[&str])], lost: bool) -> Vec<String> {
    let candidates: Vec<Vec<String>> = modules.iter().map(|(names, _)| text(names)).collect();
    let modules = modules.iter().zip(&candidates);
    let modules = modules.map(|((_, imports), candidates)| Linkable {
        candidates,
        imports: imports
            .iter()
            .map(|name| (*name, BTreeSet::from(["f"])))
            .collect(),
        exports: BTreeSet::from(["f"]),
    });
    settle(&modules.collect::<Vec<_>>(), lost)
}

#[test]
fn only_what_could_not_start_is_put_right() {
    // As meant: the second name of the first module is not looked at.
    let good: &[(&[&str], &[&str])] = &[(&["a", "b"], &[]), (&["b"], &[]), (&["c"], &["b"])];
    assert_eq!(settled(good, true), ["a", "b", "c"]);
    let second: &[(&[&str], &[&str])] = &[(&["b", "a"], &[]), (&["c"], &["a"])];
    assert_eq!(settled(second, false), ["a", "c"]);
    // Nobody knows the name: by the functions, if these are one module's alone.
    let lost: &[(&[&str], &[&str])] = &[(&["b"], &[]), (&["c"], &["a"])];
    assert_eq!(settled(lost, false), ["b", "c"]);
    assert_eq!(settled(lost, true), ["a", "c"]);
    let twice: &[(&[&str], &[&str])] = &[(&["b"], &[]), (&["d"], &[]), (&["c"], &["a"])];
    assert_eq!(settled(twice, true), ["b", "d", "c"]);
    // A module that is imported by its name keeps it.
    let both: &[(&[&str], &[&str])] = &[(&["b", "a"], &[]), (&["c"], &["a", "b"])];
    assert_eq!(settled(both, false), ["b", "c"]);
}
