//! In place of `follow_files` in programs without the feature `dev`.

use crate::{Server, app::Endpoints};

pub(super) async fn follow(_: Server, _: Endpoints) {
    tracing::warn!(
        "pages do not follow their files: the program was built without the feature `dev`"
    );
}
