//! A request of the operator's pages: an answer never changes by what follows, and is HTTP itself.

use basalt_node::pages::{Page, answer};

fn told(request: &[u8]) -> Option<Page> {
    answer(request, |path| {
        assert!(!path.contains('?'));
        Page::text(200, path)
    })
}

/// Where the request is cut, then the request.
pub fn check(data: &[u8]) {
    let Some((&cut, request)) = data.split_first() else {
        return;
    };
    let whole = told(request);
    let start = &request[..request.len() * usize::from(cut) / 255];
    if let Some(page) = told(start) {
        assert_eq!(whole.as_ref(), Some(&page));
    }
    if let Some(page) = whole {
        assert!(matches!(page.status, 200 | 400 | 405), "{}", page.status);
        // What is told of the request stays in the body: a head cannot be broken by it.
        assert!(page.content_type.starts_with("text/plain"));
    }
}
