//! Paths, walked from a directory that they cannot leave.

use alloc::{borrow::Cow, string::String, vec, vec::Vec};

use super::Tree;
use crate::vfs::{
    error::FsError,
    node::{Ino, NodeKind},
};

/// Longest path in bytes; with [`MAX_DEPTH`] and [`MAX_LINKS`] it bounds the work of one lookup,
/// which [`Tree::take_walked`] tells.
pub(super) const MAX_PATH: usize = 4096;
/// Longest name in bytes.
const MAX_NAME: usize = 255;
/// Deepest directory below the starting one.
const MAX_DEPTH: usize = 256;
/// Most symbolic links on the way, as on Linux.
const MAX_LINKS: usize = 40;
/// What a component costs, in bytes that are copied in the same time.
const STEP: u64 = 64;

/// Is a symbolic link at the end of a path followed? Those before the end always are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follow {
    /// Never: it is the link that is meant.
    Never,
    /// Only when a slash comes after it, which asks for the directory behind.
    Slash,
    /// Only when no slash comes after it: a slash after the name of a file to be made is refused,
    /// whatever the name leads to.
    Bare,
    /// Always.
    Always,
}

impl Follow {
    /// Is a link at the end followed, with a slash after it or without?
    fn follows(self, slash: bool) -> bool {
        match self {
            Self::Never => false,
            Self::Slash => slash,
            Self::Bare => !slash,
            Self::Always => true,
        }
    }

    /// What a path with this lookup flag of WASI means.
    pub(crate) fn if_asked(follow: bool) -> Self {
        if follow { Self::Always } else { Self::Slash }
    }
}

/// Where a path ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End<'p> {
    /// At a name in a directory; the name need not exist.
    Name {
        parent: Ino,
        name: Cow<'p, str>,
        /// A slash follows: only a directory will do.
        directory: bool,
    },
    /// At a directory that is there, by `.` or `..` at the end.
    Here(Ino),
}

/// What is left to walk of a path or of a link's target, without slashes at its end.
struct Rest<'p> {
    left: Left<'p>,
    /// These were there.
    slash: bool,
}

enum Left<'p> {
    Path(&'p str),
    Target(String, usize),
}

impl<'p> Rest<'p> {
    fn path(path: &'p str) -> Self {
        let end = path.trim_end_matches('/').len();
        Self {
            left: Left::Path(&path[..end]),
            slash: end < path.len(),
        }
    }

    fn target(target: &str) -> Self {
        let end = target.trim_end_matches('/').len();
        Self {
            left: Left::Target(target[..end].into(), 0),
            slash: end < target.len(),
        }
    }

    fn text(&self) -> &str {
        match &self.left {
            Left::Path(path) => path,
            Left::Target(target, at) => &target[*at..],
        }
    }

    /// The next component, without slashes and `.` before it.
    fn take(&mut self) -> Option<Cow<'p, str>> {
        loop {
            let text = self.text();
            let start = text.len() - text.trim_start_matches('/').len();
            let end = text[start..].find('/').map_or(text.len(), |at| start + at);
            let part = match &mut self.left {
                Left::Path(path) => {
                    let (before, after) = path.split_at(end);
                    *path = after;
                    Cow::Borrowed(&before[start..])
                }
                Left::Target(target, at) => {
                    let part = &target[*at + start..*at + end];
                    *at += end;
                    // Only what is used is copied.
                    match part {
                        "" | "." => Cow::Borrowed(if part.is_empty() { "" } else { "." }),
                        part => Cow::Owned(part.into()),
                    }
                }
            };
            match &*part {
                "" => return None,
                "." => {}
                _ => return Some(part),
            }
        }
    }

    /// Is nothing left?
    fn is_done(&self) -> bool {
        self.text().is_empty()
    }
}

/// Walks all components but the last.
pub(crate) fn walk<'p>(
    tree: &Tree,
    start: Ino,
    path: &'p str,
    follow: Follow,
) -> Result<End<'p>, FsError> {
    check(path)?;
    // `..` goes back along the trail, so it can never rise above the start.
    let mut trail: Vec<Ino> = vec![start];
    // A link's target comes before what is left of the path that it is in.
    let mut rest = vec![Rest::path(path)];
    tree.walk_on(path.len() as u64);
    let mut links = 0;
    while let Some(top) = rest.last_mut() {
        let Some(part) = top.take() else {
            rest.pop();
            continue;
        };
        tree.walk_on(STEP);
        let here = trail[trail.len() - 1];
        if part == ".." {
            if trail.len() == 1 {
                return Err(FsError::Escape);
            }
            trail.pop();
            continue;
        }
        if part.len() > MAX_NAME || trail.len() > MAX_DEPTH {
            return Err(FsError::NameTooLong);
        }
        let last = rest.iter().rev().all(Rest::is_done);
        let slash = last && rest.iter().any(|rest| rest.slash);
        // Its directory must be one.
        let child = tree.child(here, &part)?;
        let node = child.and_then(|child| tree.nodes.get(&child));
        if let Some(NodeKind::Link(target)) = node.map(|node| &node.kind)
            && (!last || follow.follows(slash))
        {
            links += 1;
            if links > MAX_LINKS {
                return Err(FsError::Loop);
            }
            // A kept link is checked again: what is absolute means a place outside.
            check(target)?;
            tree.walk_on(target.len() as u64);
            rest.push(Rest::target(target));
            continue;
        }
        if last {
            return Ok(End::Name {
                parent: here,
                name: part,
                directory: slash,
            });
        }
        let next = child.ok_or(FsError::NotFound)?;
        // Each step must be a directory: otherwise `file/..` would be valid.
        tree.entries(next)?;
        trail.push(next);
    }
    Ok(End::Here(trail[trail.len() - 1]))
}

/// What no path may be.
pub(super) fn check(path: &str) -> Result<(), FsError> {
    if path.is_empty() {
        return Err(FsError::NotFound);
    }
    if path.len() > MAX_PATH {
        return Err(FsError::NameTooLong);
    }
    if path.contains('\0') {
        return Err(FsError::Invalid);
    }
    // Guests' libraries strip the preopened prefix; what is still absolute means a place outside.
    if path.starts_with('/') {
        return Err(FsError::Escape);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vfs::Quota;

    #[test]
    fn what_links_make_of_a_short_path_is_counted() {
        let mut tree = Tree::new(Quota::default());
        tree.make_dir(Tree::ROOT, "a", 0).unwrap();
        let detour = "a/../".repeat(500);
        for link in 0..MAX_LINKS {
            let target = alloc::format!("{detour}l{}", link + 1);
            let name = alloc::format!("l{link}");
            tree.make_link(&target, Tree::ROOT, &name, 0).unwrap();
        }
        tree.take_walked();
        // The last link leads to nothing.
        let end = walk(&tree, Tree::ROOT, "l0", Follow::Always);
        assert!(matches!(end, Ok(End::Name { .. })), "{end:?}");
        let steps = 1000 * MAX_LINKS as u64;
        assert!(tree.take_walked() > steps * STEP);
        // What names nothing is taken away once, not at each step.
        let dots = alloc::format!("{}{}", "a/../".repeat(400), "./".repeat(1000));
        walk(&tree, Tree::ROOT, &dots, Follow::Always).unwrap();
        assert!(tree.take_walked() < 900 * STEP);
    }
}
