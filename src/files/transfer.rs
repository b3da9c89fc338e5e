//! Transfers of files over HTTP: large files, which state and calls must not wait for.
//!
//! The right to a transfer is granted over the WebSocket, whose client is authenticated. It is a
//! *ticket*: 256 random bits in the URL, valid for one request, for a short time, and only while
//! that client is connected.
//!
//! - [`upload`]: files received from users
//! - [`download`]: files sent to users
//! - [`landing`]: files that appear only when complete
//!
//! What must hold: no file is buffered in memory as a whole; an interrupted transfer is an error
//! for the application and leaves no file; no transfer outlives the run of the server.

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use parking_lot::{Mutex, RwLock};
use selvedge_wslink::Packed;

use super::{
    download::Outgoing,
    upload::{Upload, UploadRight},
};
use crate::{
    Failure, Result, app::Ctx, error::TransferError, protocol::Client, random::random_token,
};

/// How long a ticket is valid before its request.
const TICKET_LIFETIME: Duration = Duration::from_secs(30);

/// Number of tickets below which invalid ones are not swept.
const FEW_TICKETS: usize = 64;

/// Limits for file transfers.
///
/// ```
/// use selvedge::{Server, files::TransferLimits};
///
/// let limits = TransferLimits::new().max_upload_bytes(500_000_000);
/// Server::new("doc").set_transfer_limits(limits);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferLimits {
    max_upload_bytes: u64,
    uploads_at_once: usize,
    stall_timeout: Duration,
}

impl Default for TransferLimits {
    fn default() -> Self {
        TransferLimits {
            max_upload_bytes: 4 << 30,
            uploads_at_once: 16,
            stall_timeout: Duration::from_secs(120),
        }
    }
}

impl TransferLimits {
    /// Returns the defaults, which are listed at each method.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the maximum size in bytes of an uploaded file. Default: 4 GiB. A larger file is
    /// rejected, at the latest with status 413.
    pub fn max_upload_bytes(mut self, bytes: u64) -> Self {
        self.max_upload_bytes = bytes;
        self
    }

    /// Sets the maximum number of concurrent uploads of all pages. Default: 16. Further uploads are
    /// rejected.
    pub fn uploads_at_once(mut self, uploads: usize) -> Self {
        self.uploads_at_once = uploads;
        self
    }

    /// Sets how long a transfer may stall before it is ended. Default: two minutes.
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.stall_timeout = timeout;
        self
    }
}

/// An application function that receives uploads.
pub(crate) type Receiver =
    Arc<dyn Fn(Ctx, Upload) -> BoxFuture<'static, Result<Packed, Failure>> + Send + Sync>;

/// The transfers of one server: receivers of uploads, valid tickets, and the number of running
/// uploads.
#[derive(Default)]
pub(crate) struct Transfers {
    limits: Mutex<TransferLimits>,
    receivers: RwLock<HashMap<String, Receiver>>,
    tickets: Mutex<Tickets>,
    under_way: Arc<AtomicUsize>,
    /// The room that tickets name, if other nodes have to know it.
    room: OnceLock<String>,
}

/// The issued tickets, by token.
#[derive(Default)]
struct Tickets {
    out: HashMap<String, Ticket>,
    /// Number of tickets at which invalid ones are swept.
    sweep_at: usize,
}

impl Tickets {
    /// Adds a ticket. Invalid tickets are swept only when the number of tickets has doubled, so
    /// that the cost per ticket is constant.
    fn add(&mut self, token: String, ticket: Ticket) {
        if self.out.len() >= self.sweep_at {
            self.out.retain(|_, ticket| ticket.is_good());
            self.sweep_at = (2 * self.out.len()).max(FEW_TICKETS);
        }
        self.out.insert(token, ticket);
    }
}

struct Ticket {
    client: Arc<Client>,
    /// When the ticket expires; `None` if it has no time limit.
    expires: Option<Instant>,
    right: Right,
}

enum Right {
    Upload(UploadRight),
    Download(Outgoing),
}

impl Ticket {
    fn is_good(&self) -> bool {
        let in_time = self.expires.is_none_or(|expires| Instant::now() < expires);
        let wanted = match &self.right {
            Right::Upload(right) => !right.withdrawn.is_cancelled(),
            Right::Download(_) => true,
        };
        in_time && wanted && !self.client.gone.is_cancelled()
    }
}

impl Transfers {
    pub(crate) fn limits(&self) -> TransferLimits {
        *self.limits.lock()
    }

    pub(crate) fn set_limits(&self, limits: TransferLimits) {
        *self.limits.lock() = limits;
    }

    pub(crate) fn set_receiver(&self, name: String, receiver: Receiver) {
        let mut receivers = self.receivers.write();
        receivers.insert(name, receiver);
    }

    pub(crate) fn receiver(&self, name: &str) -> Option<Receiver> {
        let receivers = self.receivers.read();
        receivers.get(name).cloned()
    }

    /// Rejects a file that is too large, or an upload beyond the maximum number.
    pub(crate) fn check(&self, size: u64) -> Result<(), Failure> {
        let limits = self.limits();
        if size > limits.max_upload_bytes {
            return Err(TransferError::TooLarge { size, limit: limits.max_upload_bytes }.into());
        }
        if self.under_way.load(Ordering::Relaxed) >= limits.uploads_at_once {
            return Err(Failure::msg("too many uploads are running; try again in a moment"));
        }
        Ok(())
    }

    /// Issues a ticket for an upload and returns the path of its URL. A `lasting` ticket does not
    /// expire, but ends when `right` is withdrawn.
    pub(crate) fn offer_upload(
        &self,
        client: &Arc<Client>,
        right: UploadRight,
        lasting: bool,
    ) -> Result<String> {
        let lifetime = (!lasting).then_some(TICKET_LIFETIME);
        Ok(format!("selvedge/upload/{}", self.issue(client, Right::Upload(right), lifetime)?))
    }

    /// Issues a ticket for a download and returns the path of its URL.
    pub(crate) fn offer_download(&self, client: &Arc<Client>, file: Outgoing) -> Result<String> {
        let token = self.issue(client, Right::Download(file), Some(TICKET_LIFETIME))?;
        Ok(format!("selvedge/download/{token}"))
    }

    /// Lets tickets name the room that they belong to.
    pub(crate) fn name_room(&self, room: &str) {
        // A server is made for one room.
        let _ = self.room.set(room.to_owned());
    }

    fn issue(
        &self,
        client: &Arc<Client>,
        right: Right,
        lifetime: Option<Duration>,
    ) -> Result<String> {
        let token = match self.room.get() {
            Some(room) => format!("{room}-{}", random_token()?),
            None => random_token()?,
        };
        let expires = lifetime.map(|lifetime| Instant::now() + lifetime);
        let mut tickets = self.tickets.lock();
        tickets.add(token.clone(), Ticket { client: Arc::clone(client), expires, right });
        Ok(token)
    }

    /// Redeems an upload ticket.
    pub(crate) fn redeem_upload(&self, token: &str) -> Option<UploadRight> {
        match self.redeem(token, |right| matches!(right, Right::Upload(_)))? {
            Right::Upload(right) => Some(right),
            Right::Download(_) => None,
        }
    }

    /// Redeems a download ticket.
    pub(crate) fn redeem_download(&self, token: &str) -> Option<Outgoing> {
        match self.redeem(token, |right| matches!(right, Right::Download(_)))? {
            Right::Download(file) => Some(file),
            Right::Upload(_) => None,
        }
    }

    /// Redeems a ticket of the wanted kind. The lookup by hash is not constant-time but reveals
    /// nothing about the token, since the hash has a secret key.
    fn redeem(&self, token: &str, is_wanted: impl Fn(&Right) -> bool) -> Option<Right> {
        let tickets = &mut self.tickets.lock().out;
        if !tickets.get(token).is_some_and(|ticket| is_wanted(&ticket.right)) {
            return None;
        }
        tickets.remove(token).filter(Ticket::is_good).map(|ticket| ticket.right)
    }

    /// Reserves a slot for an upload, if one is free.
    pub(crate) fn enter(&self) -> Option<UploadSlot> {
        let most = self.limits().uploads_at_once;
        let one_more = |count: usize| (count < most).then_some(count + 1);
        self.under_way.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(UploadSlot(Arc::clone(&self.under_way)))
    }

    /// Returns how long a transfer may stall.
    pub(crate) fn stall_timeout(&self) -> Duration {
        self.limits().stall_timeout
    }

    /// Drops all tickets, and with them the files that they are for.
    pub(crate) fn end(&self) {
        let ended = std::mem::take(&mut *self.tickets.lock());
        drop(ended); // without the lock: it closes files
    }
}

/// The slot of one running upload.
pub(crate) struct UploadSlot(Arc<AtomicUsize>);

impl Drop for UploadSlot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{
        Download,
        upload::{Announced, Withdrawal},
    };

    #[test]
    fn a_ticket_is_good_once_for_its_purpose_and_only_with_its_client() {
        let transfers = Transfers::default();
        let client = Arc::new(Client::new(1000, None).unwrap());
        let file = || Download::from_bytes("a", "b").opened_for_test();
        let offer = || {
            let url = transfers.offer_download(&client, file()).unwrap();
            url.rsplit('/').next().unwrap().to_owned()
        };
        let token = offer();
        assert!(transfers.redeem_upload(&token).is_none(), "it is for a download");
        assert!(transfers.redeem_download(&token).is_some());
        assert!(transfers.redeem_download(&token).is_none(), "it was used");
        let token = offer();
        client.gone.cancel();
        assert!(transfers.redeem_download(&token).is_none(), "its client is gone");
    }

    #[test]
    fn the_tickets_of_a_large_folder_cost_the_same_each_and_dead_ones_go() {
        let transfers = Transfers::default();
        let client = Arc::new(Client::new(1000, None).unwrap());
        let offer = |count: usize| {
            let begin = Instant::now();
            for _ in 0..count {
                let announced =
                    Announced { name: "a".into(), media_type: None, size: 1, path: None };
                let take = Box::new(|_: Upload| unreachable!());
                let right = UploadRight::new(announced, Withdrawal::new(), take);
                transfers.offer_upload(&client, right, true).unwrap();
            }
            begin.elapsed()
        };
        let (few, many) = (offer(2000), offer(32_000));
        assert!(many < 100 * few, "{few:?} for 2000 and {many:?} for 32000");
        client.gone.cancel();
        let other = Arc::new(Client::new(1000, None).unwrap());
        let file = || Download::from_bytes("a", "b").opened_for_test();
        for _ in 0..40_000 {
            transfers.offer_download(&other, file()).unwrap();
        }
        let left = transfers.tickets.lock().out.values().filter(|t| !t.is_good()).count();
        assert_eq!(left, 0);
    }

    #[test]
    fn the_number_of_uploads_is_limited() {
        let transfers = Transfers::default();
        transfers.set_limits(TransferLimits::new().uploads_at_once(1));
        let first = transfers.enter();
        assert!(first.is_some() && transfers.enter().is_none() && transfers.check(1).is_err());
        drop(first);
        assert!(transfers.enter().is_some() && transfers.check(1).is_ok());
    }
}
