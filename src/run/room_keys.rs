//! Which room a page enters.

use super::{room_registry::Registry, room_slot::Key};
use crate::{
    Result,
    app::Scope,
    http::{NoRoom, Visit},
    random::random_token,
};

/// Maximum length of a room's name in bytes.
const MAX_NAME: usize = 128;

impl Registry {
    /// Returns the key of the room that a page enters.
    pub(super) async fn key(&self, visit: &Visit) -> Result<Key, NoRoom> {
        let user = visit.bearer.user().cloned();
        match self.plan.scope {
            Scope::Named if visit.name.len() > MAX_NAME => Err(NoRoom::NameTooLong(MAX_NAME)),
            Scope::Named => Ok(Key::Name(visit.name.clone())),
            Scope::User => Ok(Key::User(user.ok_or(NoRoom::NoUser)?)),
            Scope::Shared => Ok(Key::Name(String::new())),
            Scope::Page => {
                let before = visit.before.clone().map(|token| Key::Page(token, user.clone()));
                if let Some(before) = before
                    && self.is_known(&before).await
                {
                    return Ok(before);
                }
                let token = random_token().map_err(|error| {
                    tracing::error!(%error, "a room cannot be made");
                    NoRoom::Failed
                })?;
                Ok(Key::Page(token, user))
            }
        }
    }

    /// Returns whether a room runs, or its state is kept.
    async fn is_known(&self, key: &Key) -> bool {
        if self.inner.lock().slots.contains_key(key) || self.has_kept(key) {
            return true;
        }
        match &self.cluster {
            Some(member) => {
                matches!(member.find(&member.room_id(&key.to_text())).await, Ok(Some(_)))
            }
            None => false,
        }
    }

    /// Returns the id of a new room.
    pub(super) fn id_of(&self, key: &Key) -> Result<String> {
        match &self.cluster {
            Some(member) => Ok(member.room_id(&key.to_text())),
            None => random_token(),
        }
    }

    /// Returns whether the state of a room is kept that has ended.
    fn has_kept(&self, key: &Key) -> bool {
        let kept = self.kept.as_ref().zip(key.kept_name(self.users_stay));
        kept.is_some_and(|(kept, name)| kept.of_room(&name).exists())
    }
}
