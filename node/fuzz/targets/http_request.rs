//! A request of the operator's pages: an answer never changes by what follows, and is HTTP itself.

use basalt_node::pages::{Answer, Page, answer};

fn told(request: &[u8]) -> Option<Answer> {
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
    if let Some(answer) = told(start) {
        assert_eq!(whole.as_ref(), Some(&answer));
    }
    if let Some(answer) = whole {
        let page = &answer.page;
        assert!(matches!(page.status, 200 | 400 | 405), "{}", page.status);
        // What is told of the request stays in the body: a head cannot be broken by it.
        assert!(page.content_type.starts_with("text/plain"));
        let bytes = answer.bytes();
        match answer.head_only {
            true => assert!(bytes.ends_with(b"\r\nconnection: close\r\n\r\n")),
            false => assert!(bytes.ends_with(page.body.as_bytes())),
        }
    }
}
