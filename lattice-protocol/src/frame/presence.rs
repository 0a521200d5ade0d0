//! Whether anybody is at the other end, as far as the server says.
//!
//! The server answers a message that nobody subscribes to ("no responders"). That is the word about one
//! moment: a process which the server has just cut off is back within seconds. So one such word about a
//! frame that may be lost, [`Kind::Here`](super::Kind::Here), leaves it open; the same word about a later
//! one, over the same connection, does not: whoever sends them leaves more time between two than a process
//! takes to come back. A frame that counts and found nobody is lost, and nothing can follow it.

/// What is known of the other end's being there.
#[derive(Debug, Default)]
pub(super) struct Presence {
    /// How many frames that may be lost were sent since the other end was heard, and not answered for by
    /// the server.
    asked: u32,
    /// What the server said of one of them.
    missed: Option<Missed>,
}

/// A first word that nobody is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Missed {
    /// The connection that it came over.
    connection: u64,
    /// Whether one was sent after it. What was sent before says nothing new.
    asked_again: bool,
}

/// What the server's word comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absence {
    /// The other end may be on its way back.
    Unsure,
    /// A frame that counts found nobody.
    Lost,
    /// Nobody was there twice, with time in between to come back.
    Gone,
}

impl Presence {
    /// A frame came: somebody is there.
    pub(super) fn heard(&mut self) {
        *self = Self::default();
    }

    /// A frame that may be lost was sent.
    pub(super) fn asked(&mut self) {
        self.asked = self.asked.saturating_add(1);
        if let Some(missed) = &mut self.missed {
            missed.asked_again = true;
        }
    }

    /// The server said over this connection that nobody is there.
    pub(super) fn missed(&mut self, connection: u64) -> Absence {
        // It answers in the order in which it was sent to. So where one of those that may be lost is
        // unanswered, the word may be about it.
        if self.asked == 0 {
            return Absence::Lost;
        }
        self.asked -= 1;
        match self.missed {
            Some(missed) if missed.connection == connection => match missed.asked_again {
                true => Absence::Gone,
                false => Absence::Unsure,
            },
            _ => {
                self.missed = Some(Missed {
                    connection,
                    asked_again: false,
                });
                Absence::Unsure
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_that_nobody_is_there_is_open_and_a_second_about_a_later_frame_is_not() {
        let mut presence = Presence::default();
        presence.asked();
        assert_eq!(presence.missed(1), Absence::Unsure);
        presence.asked();
        assert_eq!(presence.missed(1), Absence::Gone);
    }

    #[test]
    fn whoever_was_heard_in_between_is_there() {
        let mut presence = Presence::default();
        presence.asked();
        assert_eq!(presence.missed(1), Absence::Unsure);
        presence.heard();
        presence.asked();
        assert_eq!(presence.missed(1), Absence::Unsure);
    }

    #[test]
    fn over_another_connection_it_is_the_first_word_again() {
        let mut presence = Presence::default();
        for connection in 1..5 {
            presence.asked();
            assert_eq!(presence.missed(connection), Absence::Unsure);
        }
        presence.asked();
        assert_eq!(presence.missed(4), Absence::Gone);
    }

    #[test]
    fn words_about_what_waited_for_the_same_connection_are_one_word() {
        let mut presence = Presence::default();
        presence.asked();
        presence.asked();
        assert_eq!(presence.missed(2), Absence::Unsure);
        assert_eq!(presence.missed(2), Absence::Unsure);
        presence.asked();
        assert_eq!(presence.missed(2), Absence::Gone);
    }

    #[test]
    fn a_word_that_is_about_nothing_that_may_be_lost_is_about_what_counts() {
        let mut presence = Presence::default();
        assert_eq!(presence.missed(1), Absence::Lost);
        presence.asked();
        assert_eq!(presence.missed(1), Absence::Unsure);
        assert_eq!(presence.missed(1), Absence::Lost);
    }

    #[test]
    fn those_that_were_taken_put_the_end_off_by_one_more_and_not_for_ever() {
        let mut presence = Presence::default();
        // Somebody was there, and said nothing.
        for _ in 0..100 {
            presence.asked();
        }
        assert_eq!(presence.missed(1), Absence::Unsure);
        presence.asked();
        assert_eq!(presence.missed(1), Absence::Gone);
    }
}
