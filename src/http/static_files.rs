//! Static files: the folders that modules serve, and the files at the root.

use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use tower_http::services::ServeFile;

use super::{Site, error_page, etag, page};
use crate::pages::{Assets, served_beneath};

pub(super) async fn file(State(site): State<Arc<Site>>, request: Request) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let allow = [(header::ALLOW, "GET, HEAD")];
        return (StatusCode::METHOD_NOT_ALLOWED, allow).into_response();
    }
    if request.uri().path() == "/" {
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        let location = [(header::LOCATION, format!("index.html{query}"))];
        return (StatusCode::FOUND, location).into_response();
    }
    let Some(path) = decode(request.uri().path()) else {
        return not_found();
    };
    match assets_of(&site, &path) {
        Some((Assets::Folder(folder), rest)) => from_disk(&site, folder, rest, request).await,
        Some((Assets::Embedded(files), rest)) => files
            .get(&rest)
            .map_or_else(not_found, |content| from_memory(&rest, content, request.headers())),
        None => page::file(&path, request.headers(), &site).unwrap_or_else(not_found),
    }
}

/// Returns the assets that serve a path, and the path inside them. Folders of the run come first,
/// then those of modules, then the files at the root.
fn assets_of(site: &Site, path: &str) -> Option<(Assets, String)> {
    if let Some((folder, rest)) = served_beneath(&site.endpoints.folders, path) {
        return Some((Assets::Folder(folder), rest));
    }
    let modules = site.server.modules();
    modules.assets_of(path).or_else(|| {
        let content = site.endpoints.content.clone().map(Assets::Folder);
        let root = content.or_else(|| modules.www())?;
        Some((root, path.trim_end_matches('/').to_owned()))
    })
}

/// Answers with a file that is embedded in the program.
fn from_memory(path: &str, content: Cow<'static, [u8]>, headers: &HeaderMap) -> Response {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    let kind = mime_guess::from_path(path).first_or_octet_stream().to_string();
    let fixed = [(header::CONTENT_TYPE, kind), (header::ETAG, tag.clone())];
    match etag::is_known(headers, &tag) {
        true => (StatusCode::NOT_MODIFIED, fixed).into_response(),
        false => (fixed, content).into_response(),
    }
}

fn not_found() -> Response {
    error_page::text(StatusCode::NOT_FOUND, "There is no such file.\n")
}

/// Decodes the path of a URL once and strips the first slash. `None` if it could lead out of a
/// folder on any system.
fn decode(path: &str) -> Option<String> {
    let bytes = path.strip_prefix('/')?.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            decoded.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        decoded.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    let decoded = String::from_utf8(decoded).ok()?;
    let is_safe = |part: &str| {
        !part.is_empty() && part != "." && part != ".." && !part.contains(['\0', '\\', ':'])
    };
    decoded.trim_end_matches('/').split('/').all(is_safe).then_some(decoded)
}

/// Answers with a file below `folder`. Symbolic links out of it are followed only if the user
/// allows that.
async fn from_disk(site: &Site, folder: PathBuf, path: String, request: Request) -> Response {
    let follow = site.endpoints.follow_symlinks;
    let asked = path.clone();
    let found = tokio::task::spawn_blocking(move || locate(&folder, &path, follow)).await;
    match found {
        Ok(Ok(Located::File(path))) => {
            use tower::ServiceExt;
            match ServeFile::new(path).oneshot(request).await {
                Ok(response) => response.into_response(),
                Err(never) => match never {},
            }
        }
        Ok(Ok(Located::Outside)) => {
            site.access.strangers.link_refused(&asked);
            not_found()
        }
        Ok(Ok(Located::Folder)) => {
            error_page::text(StatusCode::FORBIDDEN, "Folders are not listed.\n")
        }
        _ => not_found(),
    }
}

enum Located {
    File(PathBuf),
    Folder,
    /// A symbolic link leads out of the folder.
    Outside,
}

fn locate(folder: &Path, path: &str, follow: bool) -> io::Result<Located> {
    let folder = folder.canonicalize()?;
    let found = folder.join(path).canonicalize()?;
    if !follow && !found.starts_with(&folder) {
        return Ok(Located::Outside);
    }
    let kind = found.metadata()?;
    match (kind.is_file(), kind.is_dir()) {
        (true, _) => Ok(Located::File(found)),
        (_, true) => Ok(Located::Folder),
        // Opening a pipe or a device could block.
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_once_and_never_lead_upwards() {
        assert_eq!(decode("/a/b.js").as_deref(), Some("a/b.js"));
        assert_eq!(decode("/a%20b/%C3%A9").as_deref(), Some("a b/é"));
        assert_eq!(decode("/a%252e").as_deref(), Some("a%2e"));
        assert_eq!(decode("/folder/").as_deref(), Some("folder/"));
        for path in [
            "/../x",
            "/a/../x",
            "/a/%2e%2e/x",
            "/a/%2E./x",
            "/a%2f..%2fx",
            "/a\\..\\x",
            "/a%5cx",
            "/a%00",
            "/%",
            "/%zz",
            "/%+1",
            "/%ff",
            "//x",
            "/a//x",
            "/c:/x",
            "/a/./x",
            "/..",
            "/a/..",
        ] {
            assert_eq!(decode(path), None, "{path}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_inside_of_the_folder_only() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("served");
        std::fs::create_dir_all(folder.join("sub")).unwrap();
        std::fs::write(folder.join("a.txt"), "a").unwrap();
        std::fs::write(dir.path().join("secret.txt"), "s").unwrap();
        symlink("../secret.txt", folder.join("out.txt")).unwrap();
        symlink("../", folder.join("up")).unwrap();
        symlink("a.txt", folder.join("in.txt")).unwrap();
        symlink("sub", folder.join("inner")).unwrap();
        std::fs::write(folder.join("sub/b.txt"), "b").unwrap();
        let located = |path, follow| locate(&folder, path, follow);
        for path in ["a.txt", "in.txt", "inner/b.txt"] {
            assert!(matches!(located(path, false), Ok(Located::File(_))), "{path}");
        }
        for path in ["out.txt", "up/secret.txt"] {
            assert!(matches!(located(path, false), Ok(Located::Outside)), "{path}");
            assert!(matches!(located(path, true), Ok(Located::File(_))), "{path}");
        }
        assert!(matches!(located("sub", false), Ok(Located::Folder)));
        for path in ["missing", "a.txt/x"] {
            assert!(located(path, false).is_err() && located(path, true).is_err(), "{path}");
        }
    }
}
