//! The macros of selvedge: `#[derive(Model)]`, and the compile-time part of `selvedge::module!`,
//! which reads a manifest and embeds the files of the folders that it lists.
#![forbid(unsafe_code)]

mod model;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use proc_macro::{Delimiter, Group, Literal, TokenStream, TokenTree};
use serde_json::Value;

/// Makes the fields of a struct keys of the state; see `selvedge::state::Model`.
#[proc_macro_derive(Model, attributes(model))]
pub fn derive_model(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    model::derive(input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Placeholder for the library's name in the generated code.
const LIBRARY: &str = "__selvedge";

/// Generates the code of `selvedge::module!` from the library's name in the program, a comma and
/// the path of a manifest.
#[doc(hidden)]
#[proc_macro]
pub fn embedded_module(input: TokenStream) -> TokenStream {
    let tokens: Vec<TokenTree> = input.into_iter().collect();
    let Some((TokenTree::Punct(_), library)) =
        tokens.split_last().and_then(|(_, front)| front.split_last())
    else {
        return refused("module! takes the path of a manifest");
    };
    let path = match tokens.last().and_then(text_of) {
        Some(path) => path,
        None => return refused("module! takes the path of a manifest as a text"),
    };
    let code = expansion(&path).map(|code| code.parse::<TokenStream>());
    match code {
        Ok(Ok(code)) => with_library(code, library),
        Ok(Err(error)) => refused(&format!("module!(\"{path}\"): {error}")),
        Err(reason) => refused(&format!("module!(\"{path}\"): {reason}")),
    }
}

fn refused(reason: &str) -> TokenStream {
    format!("::core::compile_error!({reason:?})").parse().unwrap_or_default()
}

/// Returns the text of a string literal, which a macro may pass inside a group.
fn text_of(token: &TokenTree) -> Option<String> {
    match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            group.stream().into_iter().next().as_ref().and_then(text_of)
        }
        TokenTree::Literal(literal) => unquoted(literal),
        _ => None,
    }
}

/// Returns the value of a string literal. Only backslash escapes are decoded, the only ones that
/// paths need.
fn unquoted(literal: &Literal) -> Option<String> {
    let text = literal.to_string();
    let text = text.strip_prefix('"')?.strip_suffix('"')?;
    Some(text.replace("\\\\", "\\"))
}

/// Replaces the placeholder with the library's name in the program.
fn with_library(code: TokenStream, library: &[TokenTree]) -> TokenStream {
    code.into_iter()
        .flat_map(|token| match token {
            TokenTree::Ident(name) if name.to_string() == LIBRARY => library.to_vec(),
            TokenTree::Group(group) => {
                let mut changed =
                    Group::new(group.delimiter(), with_library(group.stream(), library));
                changed.set_span(group.span());
                vec![TokenTree::Group(changed)]
            }
            token => vec![token],
        })
        .collect()
}

/// Returns the expression that creates the module of a manifest.
fn expansion(path: &str) -> Result<String, String> {
    let program = env::var("CARGO_MANIFEST_DIR").map_err(|error| error.to_string())?;
    let file = Path::new(&program).join(path);
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let manifest: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let base = file.parent().unwrap_or(Path::new(""));
    let mut served = String::new();
    for (prefix, folder) in manifest["serve"].as_object().into_iter().flatten() {
        served += &format!("({prefix:?}, {}),", assets(base, folder)?);
    }
    let www = match &manifest["www"] {
        Value::Null => "::core::option::Option::None".to_owned(),
        folder => format!("::core::option::Option::Some({})", assets(base, folder)?),
    };
    let file = utf8(&file)?;
    Ok(format!(
        "{LIBRARY}::Module::embedded({path:?}, ::core::include_str!({file:?}), [{served}], {www})"
    ))
}

/// Returns the expression for the files of a folder.
fn assets(base: &Path, folder: &Value) -> Result<String, String> {
    let folder = folder.as_str().ok_or_else(|| format!("{folder} is not the path of a folder"))?;
    let root = base.join(folder);
    let mut files = Vec::new();
    list(&root, "", &mut files)?;
    let mut listed = String::new();
    for (name, file) in files {
        listed += &format!("({name:?}, ::core::include_bytes!({:?}) as &[u8]),", utf8(&file)?);
    }
    let root = utf8(&root)?;
    Ok(format!(
        "{LIBRARY}::files::Assets::with_source(&[{listed}], if ::core::cfg!(debug_assertions) {{ \
         ::core::option::Option::Some({root:?}) }} else {{ ::core::option::Option::None }})"
    ))
}

/// Adds the files of a folder and its subfolders, with their URL paths, sorted by path.
fn list(folder: &Path, beneath: &str, files: &mut Vec<(String, PathBuf)>) -> Result<(), String> {
    let refuse = |error: std::io::Error| format!("{}: {error}", folder.display());
    let entries = fs::read_dir(folder).map_err(refuse)?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<PathBuf>, std::io::Error>>()
        .map_err(refuse)?;
    paths.sort();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| format!("{} has no name in UTF-8", path.display()))?;
        let name = format!("{beneath}{name}");
        match path.is_dir() {
            true => list(&path, &format!("{name}/"), files)?,
            false => files.push((name, path)),
        }
    }
    Ok(())
}

fn utf8(path: &Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| format!("{} is no path in UTF-8", path.display()))
}
