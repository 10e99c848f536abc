//! The dashboard at `/`: one document, put together from the files beside this one.

use std::sync::LazyLock;

use super::request::Method;
use super::response::Response;
use super::routes::Routes;

const STYLE: &str = include_str!("page.css");

/// Modules to whoever edits or tests them; put one after the other, without what is for editors alone, they are the script of the page.
const MODULES: [&str; 12] = [
    include_str!("dom.js"),
    include_str!("format.js"),
    include_str!("history.js"),
    include_str!("verdict.js"),
    include_str!("parts.js"),
    include_str!("head.js"),
    include_str!("admission.js"),
    include_str!("burst.js"),
    include_str!("pools.js"),
    include_str!("queues.js"),
    include_str!("journal.js"),
    include_str!("page.js"),
];

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    include_str!("page.html").replacen("{style}", STYLE, 1).replacen("{script}", &script(), 1)
});

/// What the page may load: itself. The hashes are those of its style and its script; a test tells the right ones.
const POLICY: &str = "default-src 'none'; connect-src 'self'; img-src 'self' data:; \
    base-uri 'none'; frame-ancestors 'none'; form-action 'none'; \
    script-src 'sha256-jlQGmJ5wtCoeu8T/KYfgePpcPK8HcS9pdzEVug0rN8s='; \
    style-src 'sha256-K/fGIZAEIqd+IVdNhHlDy1oTPzw/HuqsiJ1BOMT//3A='";

pub(super) fn routes(routes: Routes) -> Routes {
    routes.quick(Method::Get, "/", |_| Ok(document())).open()
}

fn document() -> Response {
    Response::new("text/html; charset=utf-8", DOCUMENT.as_bytes())
        .header("content-security-policy", POLICY.to_owned())
        .header("referrer-policy", "no-referrer".to_owned())
}

fn script() -> String {
    let lines = MODULES.iter().flat_map(|module| module.lines()).filter_map(inlined);
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// What is left of a line of a module: no indentation, no comment, no import, no export.
fn inlined(line: &'static str) -> Option<&'static str> {
    let line = line.trim_start();
    let left_out = ["import ", "//", "/**", "* ", "*/"].into_iter().any(|start| line.starts_with(start));
    (!left_out && !line.is_empty()).then(|| line.strip_prefix("export ").unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn the_policy_names_the_style_and_the_script() {
        let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
        let expected = format!("script-src {}; style-src {}", hash(&script()), hash(STYLE));
        assert!(POLICY.ends_with(&expected), "POLICY is stale. It has to say\n{expected}");
    }

    #[test]
    fn the_document_is_whole_and_small() {
        let document = DOCUMENT.as_str();
        assert!(document.contains(STYLE) && document.contains(&script()));
        assert!(!document.contains("{style}") && !document.contains("{script}"));
        assert!(document.len() < 64 << 10, "{} bytes", document.len());
    }

    #[test]
    fn nothing_in_it_comes_from_elsewhere() {
        for word in ["http://", "https://", "//cdn", "innerHTML", "eval(", "@import", "url("] {
            let rest = DOCUMENT.replace("http://www.w3.org/2000/svg", "");
            assert!(!rest.contains(word), "{word} is in the page");
        }
    }
}
