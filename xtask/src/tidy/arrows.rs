//! Dependencies between the library's modules: each may use those before it in [`ORDER`], never
//! those after it.

use std::collections::HashMap;

use super::{
    Finding, Source,
    tokens::{self, Used},
};

/// The modules of the library. Each may use those before it.
const ORDER: [&str; 13] = [
    "error",
    "blocking",
    "websocket",
    "wire",
    "window",
    "state",
    "callback",
    "controller",
    "template",
    "session",
    "server",
    "http",
    "run",
];

/// The client is outside this order: it may use these, and nothing may use it.
const CLIENT: &str = "client";
const CLIENT_USES: [&str; 3] = ["error", "websocket", "wire"];

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let library = sources.iter().filter(|source| source.path.starts_with("src/"));
    let (root, modules): (Vec<_>, Vec<_>) = library
        .filter(|source| source.path.ends_with(".rs"))
        .partition(|source| source.path == "src/lib.rs");
    let mut findings = Vec::new();
    let mut exports = HashMap::new();
    for source in root {
        for used in read(source, &[], &mut findings) {
            exports.entry(used.name).or_insert(used.path);
        }
    }
    for source in modules {
        let module = module(&source.path);
        if !is_module(&module[0]) {
            let what = format!("`{}` has no place in the order of the modules", module[0]);
            findings.push(source.finding(0, what));
            continue;
        }
        for used in read(source, &module, &mut findings) {
            if let Err(what) = judge(&module[0], &used, &exports) {
                findings.push(source.finding(used.line, what));
            }
        }
    }
    findings
}

fn is_module(name: &str) -> bool {
    ORDER.contains(&name) || name == CLIENT
}

/// Returns the paths that a source uses; for the root of the library, those that it re-exports.
fn read(source: &Source, module: &[String], findings: &mut Vec<Finding>) -> Vec<Used> {
    let mut used = Vec::new();
    match tokens::read(&source.text) {
        Ok(tokens) if module.is_empty() => tokens::exports(tokens, &mut used),
        Ok(tokens) => tokens::paths(tokens, module, &mut used),
        Err(error) => findings.push(source.finding(error.line, error.what)),
    }
    used
}

/// Maps `src/state/flush.rs` to `state::flush`.
fn module(path: &str) -> Vec<String> {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').map(str::to_owned).collect()
}

fn judge(user: &str, used: &Used, exports: &HashMap<String, Vec<String>>) -> Result<(), String> {
    let Some(first) = used.path.first() else {
        return Err("names the whole crate: name the module".into());
    };
    let target = match exports.get(first).and_then(|path| path.first()) {
        _ if is_module(first) => first,
        Some(origin) if is_module(origin) => origin,
        // Defined by another crate.
        Some(_) => return Ok(()),
        None => {
            return Err(format!("`crate::{first}` is neither a module nor re-exported by name"));
        }
    };
    let place = |module: &str| ORDER.iter().position(|name| *name == module);
    let allowed = match (place(user), place(target)) {
        _ if user == target => true,
        (Some(user), Some(target)) => target < user,
        _ => user == CLIENT && CLIENT_USES.contains(&target.as_str()),
    };
    match allowed {
        true => Ok(()),
        false => Err(format!("`{user}` must not use `{target}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::expect;

    const ROOT: &str = "pub mod wire;\nmod server;\npub use error::{Error, Result};\n\
                        pub use crate::server::Server as TheServer;\npub use state::*;\n\
                        pub use bytes::Bytes;\n";

    fn check(path: &str, text: &str, expected: &[&str]) {
        expect(super::check, &[("src/lib.rs", ROOT), (path, text)], expected);
    }

    #[test]
    fn a_module_uses_those_before_it() {
        check("src/state/mod.rs", "use crate::wire::Packed;\nuse crate::error::Error;", &[]);
        check("src/http/mod.rs", "use crate::{session::Client, server};", &[]);
        check("src/client/mod.rs", "use crate::{websocket, wire::Packed, Error};", &[]);
    }

    #[test]
    fn an_arrow_the_wrong_way_is_found_with_its_line() {
        check(
            "src/wire/mod.rs",
            "//! Bytes.\n\nuse crate::state::Key;\n",
            &["src/wire/mod.rs:3: `wire` must not use `state`"],
        );
        check(
            "src/session/mod.rs",
            "use crate::http::Router;",
            &["src/session/mod.rs:1: `session` must not use `http`"],
        );
        check(
            "src/run/mod.rs",
            "use crate::client::Client;",
            &["src/run/mod.rs:1: `run` must not use `client`"],
        );
        check(
            "src/client/mod.rs",
            "use crate::state::State;",
            &["src/client/mod.rs:1: `client` must not use `state`"],
        );
    }

    #[test]
    fn every_part_of_braces_is_read() {
        check(
            "src/state/store.rs",
            "use crate::{\n    error::{Error, Result},\n    run::{self, *},\n    server::Ctx as Context,\n};",
            &[
                "src/state/store.rs:3: `state` must not use `run`",
                "src/state/store.rs:3: `state` must not use `run`",
                "src/state/store.rs:4: `state` must not use `server`",
            ],
        );
    }

    #[test]
    fn paths_inside_code_and_macros_are_read() {
        check(
            "src/wire/mod.rs",
            "fn f() -> Vec<crate::run::Exit> {\n    println!(\"{}\", crate::http::NAME);\n}",
            &[
                "src/wire/mod.rs:1: `wire` must not use `run`",
                "src/wire/mod.rs:2: `wire` must not use `http`",
            ],
        );
    }

    #[test]
    fn super_and_self_are_followed_also_out_of_inline_modules() {
        check(
            "src/state/flush.rs",
            "use super::Key;\nuse super::super::server::Ctx;\nuse self::inner::X;\n\
             mod tests {\n    use super::*;\n    use super::super::Key;\n    use super::super::super::run::Exit;\n}",
            &[
                "src/state/flush.rs:2: `state` must not use `server`",
                "src/state/flush.rs:7: `state` must not use `run`",
            ],
        );
    }

    #[test]
    fn a_re_export_counts_as_the_module_it_comes_from() {
        check("src/wire/mod.rs", "use crate::{Bytes, Result};", &[]);
        check(
            "src/wire/mod.rs",
            "use crate::TheServer;",
            &["src/wire/mod.rs:1: `wire` must not use `server`"],
        );
        check(
            "src/callback.rs",
            "use crate::Key;",
            &["src/callback.rs:1: `crate::Key` is neither a module nor re-exported by name"],
        );
    }

    #[test]
    fn a_new_module_needs_a_place() {
        check(
            "src/cache.rs",
            "",
            &["src/cache.rs: `cache` has no place in the order of the modules"],
        );
    }

    #[test]
    fn comments_strings_and_visibility_are_no_uses() {
        check(
            "src/wire/mod.rs",
            "/// See [`crate::run::Exit`].\n// use crate::run::Exit;\n\
             pub(crate) const NAME: &str = \"crate::run\";\npub(in crate::wire) struct X;",
            &[],
        );
    }
}
