//! Files that go over HTTP, beside the WebSocket: large ones, which state and calls must not wait for.
//!
//! The right to a transfer comes over the WebSocket, whose client has shown who it is: a *ticket*, 256 random bits that are
//! part of the URL, good for one request and a short time, and only while that client is connected.
//!
//! - [`upload`]: a file that comes from a user
//! - [`download`]: a file that goes to a user
//! - [`landing`]: files that appear on the disk only when they are complete
//!
//! What must hold: nothing is collected in memory; a transfer that breaks off is an error for the application and leaves no
//! file; none outlives the run of the server.

mod download;
mod landing;
mod upload;

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

pub use download::Download;
pub(crate) use download::{Outgoing, Phase, Sent};
use futures_util::future::BoxFuture;
pub(super) use landing::Landing;
use parking_lot::{Mutex, MutexGuard, RwLock};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
pub use upload::Upload;
pub(crate) use upload::{Body, UploadRight};

use super::Ctx;
use crate::{Error, Failure, Result, TransferError, session::Client, wire::Packed};

/// How long a ticket waits for its request.
const TICKET_LIFETIME: Duration = Duration::from_secs(30);

/// Tickets below this number are not looked through.
const FEW_TICKETS: usize = 64;

/// Progress is reported at most this often, and at the end.
const REPORT_INTERVAL: Duration = Duration::from_millis(100);

/// What the transfer of files may use.
///
/// ```
/// use selvedge::{Server, TransferLimits};
///
/// let limits = TransferLimits { max_upload_bytes: 500_000_000, ..TransferLimits::default() };
/// Server::new("doc").set_transfer_limits(limits);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferLimits {
    /// Bytes of the largest file that a page may upload. Default 4 GiB. A larger one is refused, at the latest with status 413.
    pub max_upload_bytes: u64,
    /// Uploads of all pages that may run at the same time. Default 16. Further ones are refused.
    pub uploads_at_once: usize,
    /// How long a transfer may stand still before it is ended. Default two minutes.
    pub patience: Duration,
}

impl Default for TransferLimits {
    fn default() -> Self {
        TransferLimits {
            max_upload_bytes: 4 << 30,
            uploads_at_once: 16,
            patience: Duration::from_secs(120),
        }
    }
}

/// How far a transfer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes that were transferred.
    pub done: u64,
    /// Bytes of the whole file, where that is known.
    pub size: Option<u64>,
}

impl Progress {
    /// From 0 to 1, where the size is known. An empty file is complete.
    pub fn fraction(self) -> Option<f64> {
        self.size.map(|size| if size == 0 { 1.0 } else { self.done as f64 / size as f64 })
    }

    fn is_complete(self) -> bool {
        self.size == Some(self.done)
    }
}

/// Tells the application of the progress, not more often than somebody can see.
struct Reporter {
    report: Box<dyn FnMut(Progress) + Send>,
    last: Option<Instant>,
}

impl Reporter {
    fn new(report: impl FnMut(Progress) + Send + 'static) -> Self {
        Reporter { report: Box::new(report), last: None }
    }

    fn tell(&mut self, progress: Progress) {
        let is_due = self.last.is_none_or(|last| last.elapsed() >= REPORT_INTERVAL);
        if is_due || progress.is_complete() {
            self.last = Some(Instant::now());
            (self.report)(progress);
        }
    }
}

/// What a page says of a file that it wants to upload.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Announced {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) media_type: Option<String>,
    pub(super) size: u64,
    /// Where it stood in a folder that the user chose.
    pub(super) path: Option<String>,
}

/// A function of the application that takes uploads.
pub(super) type Receiver =
    Arc<dyn Fn(Ctx, Upload) -> BoxFuture<'static, Result<Packed, Failure>> + Send + Sync>;

/// The transfers of one server: who takes uploads, which tickets are out, and what is under way.
#[derive(Default)]
pub(crate) struct Transfers {
    limits: Mutex<TransferLimits>,
    receivers: RwLock<HashMap<String, Receiver>>,
    tickets: Mutex<Tickets>,
    under_way: Arc<AtomicUsize>,
}

/// The tickets that are out, by their tokens.
#[derive(Default)]
struct Tickets {
    out: HashMap<String, Ticket>,
    /// How many there may be before those that are good no more are looked for.
    sweep_at: usize,
}

impl Tickets {
    /// Adds a ticket. The others are looked at only when their number has doubled, so that each costs the same, however
    /// many there are.
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
    /// When it ends, unless something else ends it.
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
    pub(super) fn limits(&self) -> TransferLimits {
        *lock(&self.limits)
    }

    pub(super) fn set_limits(&self, limits: TransferLimits) {
        *lock(&self.limits) = limits;
    }

    pub(super) fn set_receiver(&self, name: String, receiver: Receiver) {
        let mut receivers = self.receivers.write();
        receivers.insert(name, receiver);
    }

    pub(super) fn receiver(&self, name: &str) -> Option<Receiver> {
        let receivers = self.receivers.read();
        receivers.get(name).cloned()
    }

    /// Says no to a file that is too large, or when there are too many uploads.
    pub(super) fn check(&self, size: u64) -> Result<(), Failure> {
        let limits = self.limits();
        if size > limits.max_upload_bytes {
            return Err(TransferError::TooLarge { size, limit: limits.max_upload_bytes }.into());
        }
        if self.under_way.load(Ordering::Relaxed) >= limits.uploads_at_once {
            return Err(Failure::msg("too many uploads are under way; try again in a moment"));
        }
        Ok(())
    }

    /// A ticket for an upload, as the path of a URL. It lasts as long as `right` is not withdrawn where `lasting`.
    pub(super) fn offer_upload(
        &self,
        client: &Arc<Client>,
        right: UploadRight,
        lasting: bool,
    ) -> Result<String> {
        let lifetime = (!lasting).then_some(TICKET_LIFETIME);
        Ok(format!("selvedge/upload/{}", self.issue(client, Right::Upload(right), lifetime)?))
    }

    /// A ticket for a download, as the path of a URL.
    pub(super) fn offer_download(&self, client: &Arc<Client>, file: Outgoing) -> Result<String> {
        let token = self.issue(client, Right::Download(file), Some(TICKET_LIFETIME))?;
        Ok(format!("selvedge/download/{token}"))
    }

    fn issue(
        &self,
        client: &Arc<Client>,
        right: Right,
        lifetime: Option<Duration>,
    ) -> Result<String> {
        let token = random_token()?;
        let expires = lifetime.map(|lifetime| Instant::now() + lifetime);
        let mut tickets = lock(&self.tickets);
        tickets.add(token.clone(), Ticket { client: Arc::clone(client), expires, right });
        Ok(token)
    }

    /// Uses the ticket of an upload up.
    pub(crate) fn redeem_upload(&self, token: &str) -> Option<UploadRight> {
        match self.redeem(token, |right| matches!(right, Right::Upload(_)))? {
            Right::Upload(right) => Some(right),
            Right::Download(_) => None,
        }
    }

    /// Uses the ticket of a download up.
    pub(crate) fn redeem_download(&self, token: &str) -> Option<Outgoing> {
        match self.redeem(token, |right| matches!(right, Right::Download(_)))? {
            Right::Download(file) => Some(file),
            Right::Upload(_) => None,
        }
    }

    /// That a token is looked up by its hash, and not compared in constant time, tells nothing about it: the hash has a secret
    /// key.
    fn redeem(&self, token: &str, is_wanted: impl Fn(&Right) -> bool) -> Option<Right> {
        let tickets = &mut lock(&self.tickets).out;
        if !tickets.get(token).is_some_and(|ticket| is_wanted(&ticket.right)) {
            return None;
        }
        tickets.remove(token).filter(Ticket::is_good).map(|ticket| ticket.right)
    }

    /// Room for one more upload, if there is any.
    pub(crate) fn enter(&self) -> Option<Slot> {
        let most = self.limits().uploads_at_once;
        let one_more = |count: usize| (count < most).then_some(count + 1);
        self.under_way.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Slot(Arc::clone(&self.under_way)))
    }

    /// How long a transfer may stand still.
    pub(crate) fn patience(&self) -> Duration {
        self.limits().patience
    }

    /// Forgets every ticket, and with them the files they are for.
    pub(crate) fn end(&self) {
        let ended = std::mem::take(&mut *lock(&self.tickets));
        drop(ended); // without the lock: files are closed
    }
}

/// The place of one upload among those that may run at the same time.
pub(crate) struct Slot(Arc<AtomicUsize>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the application may do with a ticket that it does not want any more.
pub(super) type Withdrawal = CancellationToken;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock()
}

/// 256 random bits as text. The page of trame lower-cases a secret and reads numbers, booleans and lists out of it, so it has no
/// capitals and starts with a letter that starts none of these.
///
/// # Errors
/// When the system has no random numbers.
pub(crate) fn random_token() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(Error::random("making a secret"))?;
    Ok(bytes.iter().fold("k".to_owned(), |token, byte| token + &format!("{byte:02x}")))
}

/// The last part of a path or name that somebody else has chosen, so that it cannot lead anywhere. Never empty.
fn plain_name(name: &str) -> String {
    const LONGEST: usize = 255; // bytes, what file systems allow
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut plain: String = last.chars().filter(|c| !c.is_control()).collect();
    while plain.len() > LONGEST {
        plain.pop();
    }
    match plain.trim() {
        "" | "." | ".." => "file".to_owned(),
        name => name.to_owned(),
    }
}

/// The media type of a file by its name.
fn media_type_of(path: &Path) -> String {
    mime_guess::from_path(path).first_or_octet_stream().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_others_have_chosen_lead_nowhere() {
        for (name, plain) in [
            ("a.csv", "a.csv"),
            ("/etc/passwd", "passwd"),
            ("..\\..\\x.txt", "x.txt"),
            ("..", "file"),
            ("a/..", "file"),
            ("", "file"),
            (" \n", "file"),
            ("tab\tand\0nul", "tabandnul"),
            ("Größe 5.png", "Größe 5.png"),
        ] {
            assert_eq!(plain_name(name), plain, "{name:?}");
        }
        assert_eq!(plain_name(&"ü".repeat(300)).len(), 254);
    }

    #[test]
    fn a_ticket_is_good_once_for_its_purpose_and_only_with_its_client() {
        let transfers = Transfers::default();
        let client = Arc::new(Client::new(1000).unwrap());
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
        let client = Arc::new(Client::new(1000).unwrap());
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
        let other = Arc::new(Client::new(1000).unwrap());
        let file = || Download::from_bytes("a", "b").opened_for_test();
        for _ in 0..40_000 {
            transfers.offer_download(&other, file()).unwrap();
        }
        let left = lock(&transfers.tickets).out.values().filter(|t| !t.is_good()).count();
        assert_eq!(left, 0);
    }

    #[test]
    fn there_is_room_for_so_many_uploads() {
        let transfers = Transfers::default();
        transfers.set_limits(TransferLimits { uploads_at_once: 1, ..TransferLimits::default() });
        let first = transfers.enter();
        assert!(first.is_some() && transfers.enter().is_none() && transfers.check(1).is_err());
        drop(first);
        assert!(transfers.enter().is_some() && transfers.check(1).is_ok());
    }

    #[test]
    fn progress_is_told_at_the_end_and_not_for_every_chunk() {
        let (told, heard) = std::sync::mpsc::channel();
        let mut reporter = Reporter::new(move |progress| told.send(progress.done).unwrap());
        for done in 1..=50 {
            reporter.tell(Progress { done, size: Some(50) });
        }
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), [1, 50]);
    }
}
