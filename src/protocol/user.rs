//! Who uses a client.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// Maximum length of a user's name in bytes.
const MAX_NAME: usize = 256;

/// A user who has signed in, on one or several pages and devices.
///
/// [`Running::sign_in_url_for`](crate::Running::sign_in_url_for) gives a user a name. Others are
/// told apart by their browsers.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct User(Identity);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Identity {
    Named(Arc<str>),
    /// The random name of a browser.
    Browser(Arc<str>),
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("User").field(&self.name().unwrap_or("of a browser")).finish()
    }
}

/// A user as nodes and stores know them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum UserText {
    Named(String),
    Browser(String),
}

impl From<&User> for UserText {
    fn from(user: &User) -> Self {
        match &user.0 {
            Identity::Named(name) => UserText::Named(name.as_ref().to_owned()),
            Identity::Browser(id) => UserText::Browser(id.as_ref().to_owned()),
        }
    }
}

impl From<UserText> for User {
    fn from(text: UserText) -> Self {
        match text {
            UserText::Named(name) => User::named(&name),
            UserText::Browser(id) => User::of_browser(&id),
        }
    }
}

impl User {
    /// Returns the user with this name.
    pub(crate) fn named(name: &str) -> Self {
        User(Identity::Named(name.into()))
    }

    /// Returns the user of the browser with this random name.
    pub(crate) fn of_browser(id: &str) -> Self {
        User(Identity::Browser(id.into()))
    }

    /// Returns a name without blanks around it; `None` if it is empty, longer than 256 bytes, or has
    /// control characters.
    pub(crate) fn checked_name(name: &str) -> Option<&str> {
        let name = name.trim();
        let is_name = (1..=MAX_NAME).contains(&name.len()) && !name.chars().any(char::is_control);
        is_name.then_some(name)
    }

    /// Returns the name that the user has signed in with, if any.
    pub fn name(&self) -> Option<&str> {
        match &self.0 {
            Identity::Named(name) => Some(name),
            Identity::Browser(_) => None,
        }
    }

    /// Returns a text that differs for each user. For a user without a name it is random, and stays
    /// the same as long as the browser keeps its cookies.
    pub fn id(&self) -> &str {
        match &self.0 {
            Identity::Named(name) => name,
            Identity::Browser(id) => id,
        }
    }
}
