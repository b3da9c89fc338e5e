//! The names of the keys in Redis.

/// The version of the format of all keys and values. Programs of another version do not see them.
const VERSION: u32 = 1;

/// The keys of one application.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    prefix: String,
}

/// The keys of one room.
pub(crate) struct RoomKeys {
    /// A hash: `key`, `epoch`, `owner`, `complete`, `newest`.
    pub(crate) room: String,
    /// A hash of the values of the state, each after the number of its commit.
    pub(crate) values: String,
    /// A hash: for each earlier epoch, the commit up to which everything was recorded.
    pub(crate) epochs: String,
}

impl Keys {
    pub(crate) fn of(application: &str) -> Self {
        Keys { prefix: format!("selvedge:{VERSION}:{application}:") }
    }

    pub(crate) fn secret(&self) -> String {
        format!("{}secret", self.prefix)
    }

    /// A hash of the nodes with their addresses.
    pub(crate) fn nodes(&self) -> String {
        format!("{}nodes", self.prefix)
    }

    /// What the keys begin with that exist while nodes are alive.
    pub(crate) fn alive(&self) -> String {
        format!("{}alive:", self.prefix)
    }

    pub(crate) fn kept(&self, name: &str) -> String {
        format!("{}kept:{name}", self.prefix)
    }

    pub(crate) fn room(&self, id: &str) -> RoomKeys {
        let room = format!("{}room:{id}", self.prefix);
        RoomKeys { values: format!("{room}:values"), epochs: format!("{room}:epochs"), room }
    }
}
