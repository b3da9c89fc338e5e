//! Who is at the board: names, colours and pointers, and who was invited.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use selvedge::{
    Ctx, Failure, Lifecycle, Server,
    calls::Caller,
    rooms::{Role, User},
    state::Key,
};
use serde::{Deserialize, Serialize};

use crate::COLORS;

/// How often pages get the pointers of the others.
const POINTER_PERIOD: Duration = Duration::from_millis(50);

/// Maximum length of a name in bytes.
const MAX_NAME: usize = 40;

const MEMBERS: Key<Vec<Member>> = Key::new("members");
const POINTERS: Key<BTreeMap<String, [f64; 2]>> = Key::new("pointers");

/// Whether somebody was here already. The first one may invite others.
const IS_TAKEN: Key<bool> = Key::new("is_taken");

/// Who was invited by name, and as what. Others have a link of the program, and may do everything.
const INVITED: Key<BTreeMap<String, Role>> = Key::new("invited");

/// One page at the board.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Member {
    client: String,
    name: String,
    color: String,
    is_viewer: bool,
    /// Whether the name is that of the link by which they signed in.
    is_known: bool,
}

/// What is known of pages besides their users.
#[derive(Default)]
struct Pages {
    /// Names that people without one have given themselves.
    nicknames: HashMap<String, String>,
    colors: HashMap<String, usize>,
    pointers: BTreeMap<String, [f64; 2]>,
    /// Whether pointers have moved since the pages got them.
    have_moved: bool,
}

impl Pages {
    fn forget(&mut self, client: &str) {
        self.nicknames.remove(client);
        self.colors.remove(client);
        self.have_moved |= self.pointers.remove(client).is_some();
    }

    /// Returns the colour of a page: the one that the fewest others have.
    fn color(&mut self, client: &str) -> &'static str {
        let taken = |color: usize| self.colors.values().filter(|known| **known == color).count();
        let free = (0..COLORS.len()).min_by_key(|color| taken(*color)).unwrap_or_default();
        COLORS[*self.colors.entry(client.to_owned()).or_insert(free)]
    }

    fn members(&mut self, server: &Server) -> Vec<Member> {
        let member = |person: selvedge::rooms::Person| Member {
            color: self.color(&person.client).to_owned(),
            name: (person.name.as_deref())
                .map(|name| shown(name, server.room().name()).to_owned())
                .or_else(|| self.nicknames.get(&person.client).cloned())
                .unwrap_or_else(|| "Guest".to_owned()),
            is_known: person.name.is_some(),
            is_viewer: person.role == Role::Viewer,
            client: person.client,
        };
        server.people().into_iter().map(member).collect()
    }
}

pub(crate) fn add(server: &Server) {
    let keys = [MEMBERS.as_ref(), POINTERS.as_ref()];
    server.state().set(MEMBERS, Vec::new()).set(POINTERS, BTreeMap::new());
    server.state().set(INVITED, BTreeMap::new()).set(IS_TAKEN, false);
    server.state().read_only(&keys).transient(&keys);
    server.state().read_only(&[INVITED.as_ref(), IS_TAKEN.as_ref()]);
    let pages = Arc::<Mutex<Pages>>::default();
    follow(server, &pages);
    admit(server);
    let known = Arc::clone(&pages);
    server
        .trigger("introduce", move |cx: Ctx, Caller(client): Caller, nickname: String| {
            let client = client.to_string();
            let mut pages = known.lock();
            match nickname.trim() {
                "" => pages.nicknames.remove(&client),
                name => pages.nicknames.insert(client.clone(), shortened(name)),
            };
            cx.set(MEMBERS, pages.members(&cx.server));
            client
        })
        .for_viewers();
    server
        .trigger("point", move |_: Ctx, Caller(client): Caller, x: f64, y: f64| {
            let mut pages = pages.lock();
            pages.pointers.insert(client.to_string(), [x, y]);
            pages.have_moved = true;
        })
        .for_viewers();
}

/// Returns the name of a user who is invited to this board. A link signs in its user at all boards.
/// The name therefore contains the board that made it, so that no board can make a link for a user of
/// another.
fn invited(name: &str, board: &str) -> String {
    format!("{name}{}", suffix(board))
}

/// Returns a user's name as the members of the board see it.
fn shown<'a>(name: &'a str, board: &str) -> &'a str {
    name.strip_suffix(&suffix(board)).unwrap_or(name)
}

/// Differs for each board, whatever its name and those of its guests are.
fn suffix(board: &str) -> String {
    format!(" [{}]", encoded(board))
}

fn shortened(name: &str) -> String {
    name.chars()
        .scan(0, |bytes, c| {
            *bytes += c.len_utf8();
            (*bytes <= MAX_NAME).then_some(c)
        })
        .collect()
}

/// Keeps the members and their pointers in the state.
fn follow(server: &Server, pages: &Arc<Mutex<Pages>>) {
    for event in [Lifecycle::ConnectionOpened, Lifecycle::ConnectionClosed] {
        let pages = Arc::clone(pages);
        server.on(event, move |cx: Ctx| {
            let mut pages = pages.lock();
            if event == Lifecycle::ConnectionClosed
                && let Some(client) = cx.client()
            {
                pages.forget(&client.to_string());
            }
            cx.set(MEMBERS, pages.members(&cx.server)).set(IS_TAKEN, true);
        });
    }
    let pages = Arc::clone(pages);
    server.every(POINTER_PERIOD, move |cx: Ctx| {
        let mut pages = pages.lock();
        if std::mem::take(&mut pages.have_moved) {
            cx.set(POINTERS, &pages.pointers);
        }
    });
}

/// People with a name enter the boards that they were invited to, and new ones.
fn admit(server: &Server) {
    let state = server.state().clone();
    server.admit(move |user: &User| {
        let Some(name) = user.name() else {
            return Ok(Role::Editor);
        };
        if let Some(role) = state.get(INVITED)?.get(name) {
            return Ok(*role);
        }
        let mut is_taken = false;
        state.update(IS_TAKEN, |taken| is_taken = std::mem::replace(taken, true))?;
        if is_taken {
            return Err(Failure::msg(format!(
                "{name} was not invited to this board. Ask for a link."
            )));
        }
        state.update(INVITED, |invited| {
            invited.insert(name.to_owned(), Role::Editor);
        })?;
        Ok(Role::Editor)
    });
    server.trigger("invite", |cx: Ctx, name: String, is_viewer: bool| -> Result<String, Failure> {
        let name = shortened(name.trim());
        if name.is_empty() {
            return Err(Failure::msg("Say whom the link is for."));
        }
        let role = if is_viewer { Role::Viewer } else { Role::Editor };
        let room = cx.room();
        let guest = invited(&name, room.name());
        let known = cx.state().get(INVITED)?.get(&name).copied();
        if known.is_some_and(|known| known != role) {
            return Err(Failure::msg(format!("{name} is invited already, with another role.")));
        }
        let link = cx.server.sign_in_query_for(&guest)?;
        cx.state().update(INVITED, |invited| {
            invited.insert(guest.clone(), role);
            // A user whom the operator or a proxy has named.
            invited.insert(name.clone(), role);
        })?;
        Ok(format!("{link}&room={}", encoded(room.name())))
    });
}

/// Returns a text as a part of an address.
fn encoded(text: &str) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    let each = |byte: u8| match is_plain(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(each).collect()
}
