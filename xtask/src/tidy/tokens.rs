//! The names in a Rust source: identifiers, and paths into its own crate.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

/// Text that is not Rust.
pub(super) struct NotRust {
    pub(super) line: usize,
    pub(super) what: String,
}

/// A path into the source's own crate, from the crate's root: `super` and `self` are resolved.
#[derive(Debug)]
pub(super) struct Used {
    pub(super) line: usize,
    pub(super) path: Vec<String>,
    /// The name after `as`, or the last segment.
    pub(super) name: String,
}

/// Reads a source as tokens. Comments are dropped, and strings are single tokens.
pub(super) fn read(text: &str) -> Result<TokenStream, NotRust> {
    text.parse().map_err(|error: proc_macro2::LexError| NotRust {
        line: error.span().start().line,
        what: error.to_string(),
    })
}

/// Calls `see` with every identifier and its line.
pub(super) fn identifiers(tokens: TokenStream, see: &mut impl FnMut(&str, usize)) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => see(&ident.to_string(), line(&ident)),
            TokenTree::Group(group) => identifiers(group.stream(), see),
            _ => {}
        }
    }
}

/// Collects the paths that start with `crate`, `super` or `self`, in `use` declarations and
/// anywhere else.
///
/// `module` is the module that the tokens are in, from the root of the crate.
pub(super) fn paths(tokens: TokenStream, module: &[String], found: &mut Vec<Used>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if let Some((name, body)) = inline_module(&tokens[at..]) {
            let inner = [module, &[name]].concat();
            paths(body, &inner, found);
            at += 3;
        } else if is_path_start(&tokens, at) {
            at = tree(&tokens, at, &Place { module, prefix: None }, found);
        } else {
            if let TokenTree::Group(group) = &tokens[at] {
                paths(group.stream(), module, found);
            }
            at += 1;
        }
    }
}

/// Collects what the root of a crate re-exports: the paths of its `pub use` declarations, with or
/// without `crate` in front.
pub(super) fn exports(tokens: TokenStream, found: &mut Vec<Used>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is =
        |at: usize, name: &str| matches!(&tokens[at], TokenTree::Ident(ident) if ident == name);
    let restricted = |at: usize| matches!(&tokens[at], TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis);
    for at in 1..tokens.len() {
        if is(at, "use") && (is(at - 1, "pub") || restricted(at - 1)) {
            tree(&tokens, at + 1, &Place { module: &[], prefix: None }, found);
        }
    }
}

/// The context in which a path, or a part of one inside braces, is read.
struct Place<'p> {
    module: &'p [String],
    /// The path before the braces; none at the start of a path.
    prefix: Option<&'p [String]>,
}

/// Reads one path from `at`, including its braces. Returns where it ends.
fn tree(tokens: &[TokenTree], mut at: usize, place: &Place<'_>, found: &mut Vec<Used>) -> usize {
    let mut path = place.prefix.unwrap_or_default().to_vec();
    let mut start = 0;
    let mut first = place.prefix.is_none();
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(ident)) => {
                start = line(ident);
                step(&mut path, &ident.to_string(), place.module, first);
            }
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                branches(
                    group.stream(),
                    &Place { module: place.module, prefix: Some(&path) },
                    found,
                );
                return at + 1;
            }
            Some(TokenTree::Punct(punct)) if punct.as_char() == '*' => {
                start = punct.span().start().line;
                path.push("*".into());
            }
            // `<` of a generic argument, whose tokens are read separately.
            _ => break,
        }
        first = false;
        at += 1;
        if !is_separator(tokens, at) {
            break;
        }
        at += 2;
    }
    let mut name = path.last().cloned().unwrap_or_default();
    if let [TokenTree::Ident(keyword), TokenTree::Ident(given), ..] =
        &tokens[at.min(tokens.len())..]
        && keyword == "as"
    {
        name = given.to_string();
        at += 2;
    }
    found.push(Used { line: start, path, name });
    at
}

/// Reads the comma-separated parts of `{…}`.
fn branches(tokens: TokenStream, place: &Place<'_>, found: &mut Vec<Used>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        at = match tokens[at] {
            TokenTree::Punct(ref punct) if punct.as_char() != '*' => at + 1,
            _ => tree(&tokens, at, place, found).max(at + 1),
        };
    }
}

/// Appends one segment, or resolves it if it is a keyword.
fn step(path: &mut Vec<String>, segment: &str, module: &[String], first: bool) {
    match segment {
        "crate" => path.clear(),
        "self" if first => *path = module.to_vec(),
        "self" => {}
        "super" => {
            if first {
                *path = module.to_vec();
            }
            path.pop();
        }
        name => path.push(name.to_owned()),
    }
}

fn is_path_start(tokens: &[TokenTree], at: usize) -> bool {
    let TokenTree::Ident(ident) = &tokens[at] else {
        return false;
    };
    (ident == "crate" || ident == "super" || ident == "self") && is_separator(tokens, at + 1)
}

fn is_separator(tokens: &[TokenTree], at: usize) -> bool {
    let colon =
        |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':');
    colon(at) && colon(at + 1)
}

/// Returns the name and the body of `mod name { … }`, if the tokens start with one.
fn inline_module(tokens: &[TokenTree]) -> Option<(String, TokenStream)> {
    match tokens {
        [TokenTree::Ident(keyword), TokenTree::Ident(name), TokenTree::Group(body), ..]
            if keyword == "mod" && body.delimiter() == Delimiter::Brace =>
        {
            Some((name.to_string(), body.stream()))
        }
        _ => None,
    }
}

fn line(ident: &Ident) -> usize {
    ident.span().start().line
}
