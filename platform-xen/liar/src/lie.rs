//! The lies, by the names that the lab gives them.

use anyhow::{Context, Result, bail};

/// What the backend does other than it should, while it is armed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Nothing.
    Honest,
    /// A key in its directory holds this.
    Key(String, String),
    /// Stays in Initialising.
    NeverReady,
    /// Has no state at all.
    NoState,
    /// Goes to this state in place of InitWait.
    Offers(String),
    /// Stays in InitWait.
    NeverConnects,
    /// Goes through these states in place of Connected.
    Connects(Vec<String>),
    /// Connects without looking at the ring or the event channel.
    Deaf,
    /// Doesn't let the frontend read the disk's size.
    Locked,
    /// Offers something else each time, and other things again once it is connected.
    Fickle,
    /// Writes its state again and again, a true one and one without meaning in turn.
    Restless,
    /// Doesn't close.
    NeverCloses,
    /// Answers with this id.
    Id(u64),
    /// Answers again what it has answered before.
    Stale,
    /// Answers twice.
    Twice,
    /// Moves the index of responses by so much in place of one.
    Jump(i32),
    /// Answers with this status, and does nothing else.
    Status(i16),
    /// Answers with this operation.
    Operation(u8),
    /// Refuses the indirect requests that it offered.
    RefusesIndirect,
    /// Says that it has read, and hasn't.
    NoData,
    /// Reads bytes that are on no disk.
    Garbage,
    /// Fills each page, whatever part of it was asked for.
    Overruns,
    /// Keeps the pages of a request mapped.
    KeepsPages,
    /// Keeps them, and goes on writing there.
    WritesLate,
    /// Keeps the ring mapped when it closes.
    KeepsRing,
    /// Writes anything anywhere into the ring, and sends events.
    Scribbles,
    /// Answers so many requests, then none.
    Silent(u64),
    /// Sends events without end, and answers nothing.
    Storm,
    /// Removes its directory after so many requests.
    Vanishes(u64),
    /// Goes to Closing after so many requests.
    Closes(u64),
    /// Ends without another word after so many requests.
    Dies(u64),
}

impl Lie {
    /// Reads `name` or `name=value`.
    pub fn parse(text: &str) -> Result<Lie> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let bad = || format!("{name} with {value:?}");
        Ok(match name {
            "honest" => Lie::Honest,
            "key" => {
                let (key, value) = value.split_once(':').with_context(bad)?;
                Lie::Key(key.into(), value.into())
            }
            "never-ready" => Lie::NeverReady,
            "no-state" => Lie::NoState,
            "offers" => Lie::Offers(value.into()),
            "never-connects" => Lie::NeverConnects,
            "connects" => Lie::Connects(value.split(',').map(str::to_owned).collect()),
            "deaf" => Lie::Deaf,
            "locked" => Lie::Locked,
            "fickle" => Lie::Fickle,
            "restless" => Lie::Restless,
            "never-closes" => Lie::NeverCloses,
            "id" => Lie::Id(value.parse().with_context(bad)?),
            "stale" => Lie::Stale,
            "twice" => Lie::Twice,
            "jump" => Lie::Jump(value.parse().with_context(bad)?),
            "status" => Lie::Status(value.parse().with_context(bad)?),
            "operation" => Lie::Operation(value.parse().with_context(bad)?),
            "refuses-indirect" => Lie::RefusesIndirect,
            "no-data" => Lie::NoData,
            "garbage" => Lie::Garbage,
            "overruns" => Lie::Overruns,
            "keeps-pages" => Lie::KeepsPages,
            "writes-late" => Lie::WritesLate,
            "keeps-ring" => Lie::KeepsRing,
            "scribbles" => Lie::Scribbles,
            "silent" => Lie::Silent(value.parse().with_context(bad)?),
            "storm" => Lie::Storm,
            "vanishes" => Lie::Vanishes(value.parse().with_context(bad)?),
            "closes" => Lie::Closes(value.parse().with_context(bad)?),
            "dies" => Lie::Dies(value.parse().with_context(bad)?),
            _ => bail!("no lie is called {text:?}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values() {
        assert_eq!(Lie::parse("twice").unwrap(), Lie::Twice);
        assert_eq!(Lie::parse("jump=-1").unwrap(), Lie::Jump(-1));
        assert_eq!(
            Lie::parse("connects=2,x,").unwrap(),
            Lie::Connects(["2", "x", ""].map(Into::into).into())
        );
        assert_eq!(Lie::parse("key=sectors:").unwrap(), Lie::Key("sectors".into(), String::new()));
        for bad in ["", "lies", "id", "id=x", "jump=4294967296", "key=sectors"] {
            assert!(Lie::parse(bad).is_err(), "{bad}");
        }
    }
}
