//! Finds the rooms of a cluster, and claims them for this node.
//!
//! What must hold: before a room is made here, this node has claimed it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{
    cluster::{Granted, LEASE, Member, Reached},
    room_registry::Registry,
    room_slot::{Key, NotHere, NotMade},
};
use crate::{
    cluster::Claimed,
    http::{Entry, Located, NoRoom, Rooms, Visit},
};

/// For another node to answer, or to be replaced.
const PATIENCE: Duration = Duration::from_secs(3 * LEASE.as_secs());

/// Delay before a node that does not answer is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Delay before a room is claimed again that has ended here and is not given up yet.
const CLAIM_AGAIN: Duration = Duration::from_millis(20);

impl Registry {
    /// Claims the room with this id.
    ///
    /// # Errors
    /// [`NotMade`] if another node has it, or the store does not answer.
    pub(crate) async fn claim(
        &self,
        member: &Arc<Member>,
        id: &str,
        key: &Key,
        mut replacing: Option<u64>,
    ) -> Result<Granted, NotMade> {
        if member.is_draining() {
            return Err(NotMade::Draining);
        }
        let begun = Instant::now();
        loop {
            let claimed = member.claim(id, &key.to_text(), replacing).await;
            match claimed.map_err(NotMade::NoStore)? {
                Claimed::Granted(contents) => return Ok(Granted::new(member, id, contents, begun)),
                // It has ended here, and is about to be given up.
                Claimed::Owned(owner, epoch) if owner.node.id == member.id() => {
                    if begun.elapsed() >= LEASE {
                        replacing = Some(epoch);
                    }
                    sleep(CLAIM_AGAIN).await;
                }
                Claimed::Owned(owner, epoch) => return Err(NotMade::Elsewhere(owner, epoch)),
            }
        }
    }

    /// Lets a page enter its room, wherever that is.
    pub(crate) async fn enter_somewhere(
        self: Arc<Self>,
        member: Arc<Member>,
        visit: Visit,
    ) -> Result<Entry, NoRoom> {
        let key = self.key(&visit).await?;
        let bearer = Some(visit.bearer.clone());
        let (begun, mut replacing) = (Instant::now(), None);
        loop {
            let here = Arc::clone(&self).enter_here(&key, bearer.clone(), replacing).await;
            let reached = match here {
                Ok(place) => return Ok(place.entry(&visit.bearer)),
                Err(NotHere::NoRoom(no_room @ (NoRoom::Stopping | NoRoom::Full(_)))) => {
                    let other = match visit.hops {
                        0 => member.reach_another().await,
                        _ => None,
                    };
                    Reached::Peer(other.ok_or(no_room)?)
                }
                Err(NotHere::NoRoom(no_room)) => return Err(no_room),
                Err(NotHere::Elsewhere(owner, epoch)) => {
                    let reached = member.reach(&owner).await;
                    if matches!(reached, Reached::Gone) {
                        replacing = Some(epoch);
                    }
                    reached
                }
            };
            if let Reached::Peer(peer) = reached
                && let Some(entered) = self.lines.ask_to_enter(peer, &visit).await
            {
                return entered;
            }
            if begun.elapsed() >= PATIENCE {
                return Err(NoRoom::Unreachable);
            }
            sleep(ASK_AGAIN).await;
        }
    }

    /// Finds the room with this id, and takes it over if its node has ended.
    pub(crate) async fn locate_shared(
        self: Arc<Self>,
        member: Arc<Member>,
        id: String,
        may_pass: bool,
    ) -> Located {
        let (begun, mut replacing) = (Instant::now(), None);
        while begun.elapsed() < PATIENCE {
            if self.find(&id).is_some() {
                return Located::Here;
            }
            let record = match member.find(&id).await {
                Ok(Some(record)) => record,
                Ok(None) => return Located::Nowhere,
                Err(error) => {
                    tracing::debug!(%error, "a room cannot be located");
                    return Located::Unreachable;
                }
            };
            let other = record.owner.filter(|owner| owner.node.id != member.id());
            let (owner, epoch) = match other.filter(|_| replacing != Some(record.epoch)) {
                Some(owner) => (owner, record.epoch),
                None => {
                    let Some(key) = Key::from_text(&record.key) else { return Located::Nowhere };
                    match Arc::clone(&self).enter_here(&key, None, replacing).await {
                        Ok(_) => return Located::Here,
                        Err(NotHere::Elsewhere(owner, epoch)) => (owner, epoch),
                        Err(NotHere::NoRoom(NoRoom::Stopping | NoRoom::Full(_))) if may_pass => {
                            let other = member.reach_another().await;
                            return other.map_or(Located::Unreachable, Located::Peer);
                        }
                        Err(NotHere::NoRoom(no_room)) => {
                            tracing::debug!(%no_room, "a room was not taken over");
                            return Located::Nowhere;
                        }
                    }
                }
            };
            match member.reach(&owner).await {
                Reached::Peer(peer) if may_pass => return Located::Peer(peer),
                Reached::Peer(_) => return Located::Unreachable,
                Reached::Gone => replacing = Some(epoch),
                Reached::Silent => sleep(ASK_AGAIN).await,
            }
        }
        Located::Unreachable
    }
}
