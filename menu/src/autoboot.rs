//! What a countdown says, in the words of Syslinux's `MENU AUTOBOOT` (`doc/menu.txt`).

use alloc::format;
use alloc::string::String;

/// The text for so many seconds: they stand in place of each `#`, and of `{one,more}` or `{one,two,more}` the fitting word is taken. What
/// is no such list stays as it is.
pub(crate) fn text(template: &str, seconds: u64) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['#', '{']) {
        let (before, behind) = rest.split_at(at);
        out.push_str(before);
        let list = behind.strip_prefix('{').and_then(|list| list.split_once('}'));
        rest = match list {
            Some((list, behind)) => {
                out.push_str(form(list, seconds));
                behind
            }
            None => {
                if behind.starts_with('#') {
                    out.push_str(&format!("{seconds}"));
                } else {
                    out.push('{');
                }
                behind.get(1..).unwrap_or("")
            }
        };
    }
    out + rest
}

fn form(list: &str, seconds: u64) -> &str {
    let mut forms = list.splitn(3, ',');
    let (one, two, more) = (forms.next(), forms.next(), forms.next());
    let form = match (seconds, two, more) {
        (1, ..) | (_, None, _) => one,
        (2, ..) | (_, _, None) => two,
        _ => more,
    };
    form.unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_forms() {
        let usual = "Automatic boot in # second{,s}...";
        assert_eq!(text(usual, 1), "Automatic boot in 1 second...");
        assert_eq!(text(usual, 2), "Automatic boot in 2 seconds...");
        assert_eq!(text(usual, 0), "Automatic boot in 0 seconds...");
        for (seconds, says) in [(1, "1 a#"), (2, "2 b"), (5, "5 c,d")] {
            assert_eq!(text("# {a#,b,c,d}", seconds), says);
        }
        assert_eq!(text("{x} {,} {", 7), "x  {");
        assert_eq!(text("ä# {ö", 7), "ä7 {ö");
        assert_eq!(text("", 7), "");
    }
}
