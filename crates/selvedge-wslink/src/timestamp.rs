//! Points in time: msgpack's timestamp extension, which is a `Date` in the page.

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::attachment::Attachment;

/// A point in time, sent as msgpack's timestamp extension: a `Date` in the page.
///
/// A date that is decoded as another type, such as a `String`, a `serde_json::Value` or a type of
/// `chrono`, is the RFC 3339 text that `Display` writes. A page can hold the 100 million days
/// before and after 1970, to the millisecond; setting a time outside of them is an error.
///
/// ```
/// use selvedge_wslink::{Packed, Timestamp};
///
/// let time = Timestamp { seconds: 1_000_000_000, nanoseconds: 500_000_000 };
/// let text: String = Packed::encode(&time)?.decode()?;
/// assert_eq!(text, "2001-09-09T01:46:40.500Z");
/// # Ok::<(), selvedge_wslink::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Whole seconds since 1970-01-01 UTC.
    pub seconds: i64,
    /// Nanoseconds within the second, below 1,000,000,000.
    pub nanoseconds: u32,
}

/// The type number of the timestamp extension (msgpack specification, "Timestamp extension type").
pub(crate) const TIMESTAMP: i8 = -1;

/// The last second of JavaScript's `Date`; the first one is its negative.
const LAST_SECOND: i64 = 8_640_000_000_000;

const SECONDS_OF_A_DAY: i64 = 86_400;
const NANOSECONDS: u32 = 1_000_000_000;

impl Timestamp {
    /// Parses the body of the extension. `None` if it is malformed.
    pub(crate) fn from_body(body: &[u8]) -> Option<Self> {
        let number =
            |bytes: &[u8]| bytes.iter().fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte));
        let (seconds, nanoseconds) = match body.len() {
            4 => (number(body) as i64, 0),
            8 => {
                let both = number(body);
                ((both & 0x3_ffff_ffff) as i64, (both >> 34) as u32)
            }
            12 => (number(&body[4..]) as i64, number(&body[..4]) as u32),
            _ => return None,
        };
        (nanoseconds < NANOSECONDS).then_some(Timestamp { seconds, nanoseconds })
    }

    fn body(self) -> Vec<u8> {
        [&self.nanoseconds.to_be_bytes()[..], &self.seconds.to_be_bytes()].concat()
    }

    /// Whether a page can hold the time as a date.
    pub(crate) fn is_a_date(self) -> bool {
        let last = (LAST_SECOND, 0);
        (-LAST_SECOND..=LAST_SECOND).contains(&self.seconds)
            && (self.seconds, self.nanoseconds) <= last
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => {
                Timestamp { seconds: since.as_secs() as i64, nanoseconds: since.subsec_nanos() }
            }
            Err(error) => {
                let before = error.duration();
                let seconds = -(before.as_secs() as i64);
                match before.subsec_nanos() {
                    0 => Timestamp { seconds, nanoseconds: 0 },
                    part => Timestamp { seconds: seconds - 1, nanoseconds: NANOSECONDS - part },
                }
            }
        }
    }
}

/// Writes RFC 3339 text in UTC, with 0, 3, 6 or 9 decimals, as few as possible.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.seconds.div_euclid(SECONDS_OF_A_DAY));
        let second = self.seconds.rem_euclid(SECONDS_OF_A_DAY);
        // As in ISO 8601 and JavaScript, years that do not have four digits get a sign.
        match year {
            0..=9999 => write!(f, "{year:04}")?,
            _ => write!(f, "{year:+07}")?,
        }
        write!(
            f,
            "-{month:02}-{day:02}T{:02}:{:02}:{:02}",
            second / 3600,
            second / 60 % 60,
            second % 60
        )?;
        match self.nanoseconds {
            0 => {}
            part if part.is_multiple_of(1_000_000) => write!(f, ".{:03}", part / 1_000_000)?,
            part if part.is_multiple_of(1000) => write!(f, ".{:06}", part / 1000)?,
            part => write!(f, ".{part:09}")?,
        }
        f.write_str("Z")
    }
}

/// Returns the year, month and day in the Gregorian calendar of a day counted from 1970-01-01.
fn civil(day: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that a leap day is the last day of its year. The calendar
    // repeats after 400 years.
    const DAYS_OF_400_YEARS: i64 = 146_097;
    const DAYS_BEFORE_1970: i64 = 719_468;
    let day = day + DAYS_BEFORE_1970;
    let (cycle, day) = (day.div_euclid(DAYS_OF_400_YEARS), day.rem_euclid(DAYS_OF_400_YEARS));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let in_month = day - (153 * month + 2) / 5 + 1;
    let (month, year) = if month < 10 { (month + 3, year) } else { (month - 9, year + 1) };
    (cycle * 400 + year, month, in_month)
}

/// The form in which serde represents msgpack extensions: a newtype of this name around type and
/// body.
#[derive(Serialize, Deserialize)]
#[serde(rename = "_ExtStruct")]
struct ExtensionForm((i8, Attachment));

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ExtensionForm((TIMESTAMP, self.body().into())).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let ExtensionForm((kind, Attachment(body))) = ExtensionForm::deserialize(deserializer)?;
        if kind != TIMESTAMP {
            return Err(D::Error::custom("an extension that is not a timestamp"));
        }
        Timestamp::from_body(&body).ok_or_else(|| D::Error::custom("a timestamp is malformed"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::packed::Packed;

    #[track_caller]
    fn check(seconds: i64, nanoseconds: u32, expected: &str) {
        assert_eq!(Timestamp { seconds, nanoseconds }.to_string(), expected);
    }

    #[test]
    fn the_text_is_that_of_rfc_3339() {
        check(0, 0, "1970-01-01T00:00:00Z");
        check(951_782_400, 0, "2000-02-29T00:00:00Z");
        check(951_868_800, 0, "2000-03-01T00:00:00Z");
        check(4_107_542_400, 0, "2100-03-01T00:00:00Z");
        check(1_700_000_000, 120_000_000, "2023-11-14T22:13:20.120Z");
        check(1_700_000_000, 1000, "2023-11-14T22:13:20.000001Z");
        check(1_700_000_000, 1, "2023-11-14T22:13:20.000000001Z");
        check(-1, 999_000_000, "1969-12-31T23:59:59.999Z");
        check(LAST_SECOND, 0, "+275760-09-13T00:00:00Z");
        check(-LAST_SECOND, 0, "-271821-04-20T00:00:00Z");
    }

    #[test]
    fn the_extension_is_read_in_each_of_its_lengths() {
        let packed = Packed::encode(&Timestamp { seconds: 1, nanoseconds: 2 }).unwrap();
        assert_eq!(packed.as_bytes(), [0xc7, 12, 0xff, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(packed.decode::<Timestamp>().unwrap(), Timestamp { seconds: 1, nanoseconds: 2 });
        let read = |body: &[u8]| Timestamp::from_body(body);
        assert_eq!(read(&[0, 0, 0, 5]), Some(Timestamp { seconds: 5, nanoseconds: 0 }));
        let middle = Timestamp { seconds: 7, nanoseconds: 1 };
        assert_eq!(read(&[0, 0, 0, 4, 0, 0, 0, 7]), Some(middle));
        assert_eq!(read(&[0xff; 8]), None);
        assert_eq!(read(&[0; 5]), None);
    }

    #[test]
    fn dates_before_1970_are_valid() {
        let before = Timestamp::from(UNIX_EPOCH - Duration::from_millis(1500));
        assert_eq!(before, Timestamp { seconds: -2, nanoseconds: 500_000_000 });
        let packed = Packed::encode(&before).unwrap();
        assert_eq!(packed.decode::<Timestamp>().unwrap(), before);
        let whole = Timestamp::from(UNIX_EPOCH - Duration::from_secs(3));
        assert_eq!(whole, Timestamp { seconds: -3, nanoseconds: 0 });
    }
}
