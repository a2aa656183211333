//! `$kernelopts` and its like in the values of Fedora's and RHEL's entries.

use alloc::string::String;

/// Looks up a variable: of grubenv, or what a grub.cfg has set.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The longest result, in bytes: more is cut off, and the command line's own limit refuses it then.
const MOST: usize = 8192;

/// Puts the values in the place of `$name` and `${name}`; one that is not set is empty. `\$` is a dollar.
///
/// The values come from one place and are not looked at again, so this ends.
pub(super) fn expand(text: &str, lookup: Lookup<'_>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        if let Some(before) = before.strip_suffix('\\') {
            out.push_str(before);
            out.push('$');
            rest = after;
        } else {
            out.push_str(before);
            let (name, next) = name(after);
            match name {
                "" => out.push('$'),
                name => out.push_str(&lookup(name).unwrap_or_default()),
            }
            rest = next;
        }
        if out.len() > MOST {
            break;
        }
    }
    if out.len() <= MOST {
        out.push_str(rest);
    }
    out.truncate(out.floor_char_boundary(MOST));
    out
}

/// The name at the beginning of what stands behind a dollar, and what follows it.
fn name(text: &str) -> (&str, &str) {
    let is_name = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if let Some((name, rest)) = text.strip_prefix('{').and_then(|text| text.split_once('}'))
        && is_name(name)
    {
        return (name, rest);
    }
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::borrow::ToOwned;

    #[test]
    fn values() {
        let lookup = |name: &str| match name {
            "kernelopts" => Some("root=/dev/xvda1 ro".to_owned()),
            "loop" => Some("$loop".to_owned()),
            "long" => Some("ä".repeat(MOST)),
            _ => None,
        };
        let of = |text: &str| expand(text, &lookup);
        assert_eq!(of("$kernelopts quiet"), "root=/dev/xvda1 ro quiet");
        assert_eq!(of("a${kernelopts}b$none$"), "aroot=/dev/xvda1 rob$");
        assert_eq!(of("\\$kernelopts ${no ${kernelopts"), "$kernelopts ${no ${kernelopts");
        assert_eq!(of("$loop"), "$loop");
        assert_eq!(of("$long$long x").len(), MOST);
    }
}
