//! Streams of pictures on their way to one client: only the newest picture of each stream waits.
//!
//! A stock client gets every stream. A client that knows this server's extensions opens the streams
//! it shows and acknowledges each picture that it has drawn, so that only a few are on their way to
//! it, however slow it is.

use std::sync::Arc;

use selvedge_wslink::chunk::Outgoing;

/// Maximum number of unacknowledged pictures of a stream.
const WINDOW: u32 = 2;

/// Maximum number of open streams of one client.
const MAX_STREAMS: usize = 64;

/// The streams of one client. The one that has waited longest is first.
#[derive(Default)]
pub(crate) struct Streams {
    streams: Vec<Stream>,
    /// Whether only streams that the client opens are sent. Stock clients expect all of them.
    on_demand: bool,
}

struct Stream {
    topic: Arc<str>,
    waiting: Option<Outgoing>,
    /// Number of pictures that were sent and not acknowledged; `None` if the client does not
    /// acknowledge.
    unacknowledged: Option<u32>,
}

impl Stream {
    fn may_send(&self) -> bool {
        self.waiting.is_some() && self.unacknowledged.is_none_or(|count| count < WINDOW)
    }
}

impl Streams {
    fn find(&mut self, topic: &str) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|stream| *stream.topic == *topic)
    }

    pub(crate) fn offer(&mut self, topic: &Arc<str>, frame: &Outgoing) {
        if let Some(stream) = self.find(topic) {
            stream.waiting = Some(frame.clone());
        } else if !self.on_demand {
            self.streams.push(Stream {
                topic: Arc::clone(topic),
                waiting: Some(frame.clone()),
                unacknowledged: None,
            });
        }
    }

    pub(crate) fn on_demand(&mut self) {
        self.on_demand = true;
        self.streams.retain(|stream| stream.unacknowledged.is_some());
    }

    pub(crate) fn open(&mut self, topic: &str) -> bool {
        if let Some(stream) = self.find(topic) {
            stream.unacknowledged = Some(0);
            return true;
        }
        if self.streams.len() == MAX_STREAMS {
            return false;
        }
        self.streams.push(Stream { topic: topic.into(), waiting: None, unacknowledged: Some(0) });
        true
    }

    pub(crate) fn acknowledge(&mut self, topic: &str) {
        if let Some(count) = self.find(topic).and_then(|stream| stream.unacknowledged.as_mut()) {
            *count = count.saturating_sub(1);
        }
    }

    pub(crate) fn close(&mut self, topic: &str) {
        self.streams.retain(|stream| *stream.topic != *topic);
    }

    /// Returns a picture that may be sent, and moves its stream to the end of the line.
    pub(crate) fn next(&mut self) -> Option<Outgoing> {
        let position = self.streams.iter().position(Stream::may_send)?;
        let mut stream = self.streams.remove(position);
        let frame = stream.waiting.take();
        stream.unacknowledged = stream.unacknowledged.map(|count| count + 1);
        self.streams.push(stream);
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &str) -> Outgoing {
        Outgoing::new(text.as_bytes(), 1000)
    }

    fn drain(streams: &mut Streams) -> Vec<String> {
        let text = |frame: Outgoing| {
            String::from_utf8_lossy(&frame.frames()[0].to_bytes()[12..]).into_owned()
        };
        std::iter::from_fn(|| streams.next()).map(text).collect()
    }

    #[test]
    fn a_newer_frame_takes_the_place_of_one_that_waits() {
        let (mut streams, topic) = (Streams::default(), "field".into());
        for text in ["1", "2", "3"] {
            streams.offer(&topic, &frame(text));
        }
        assert_eq!(drain(&mut streams), ["3"]);
        assert!(drain(&mut streams).is_empty());
    }

    #[test]
    fn streams_take_turns() {
        let mut streams = Streams::default();
        let (one, other) = ("one".into(), "other".into());
        streams.offer(&one, &frame("a"));
        streams.offer(&other, &frame("b"));
        assert!(streams.next().is_some());
        streams.offer(&one, &frame("c"));
        assert_eq!(drain(&mut streams), ["b", "c"]);
    }

    #[test]
    fn an_opened_stream_waits_for_acknowledgements() {
        let (mut streams, topic) = (Streams::default(), "field".into());
        streams.on_demand();
        streams.offer(&topic, &frame("unseen"));
        assert!(drain(&mut streams).is_empty());
        assert!(streams.open("field"));
        let mut seen = Vec::new();
        for number in 1..=5 {
            streams.offer(&topic, &frame(&number.to_string()));
            seen.extend(drain(&mut streams));
        }
        assert_eq!(seen, ["1", "2"]);
        streams.acknowledge("field");
        assert_eq!(drain(&mut streams), ["5"]);
        streams.close("field");
        streams.offer(&topic, &frame("6"));
        assert!(drain(&mut streams).is_empty());
    }

    #[test]
    fn the_streams_of_one_client_are_limited() {
        let mut streams = Streams::default();
        let opened = (0..100).filter(|number| streams.open(&number.to_string())).count();
        assert_eq!(opened, MAX_STREAMS);
    }
}
