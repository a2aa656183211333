//! Numbers as GRUB reads them.

use crate::code;

/// A number that text begins with, and what is wrong with it.
pub(crate) struct Number<'a> {
    /// 0 if there are no digits, the largest there is if it is too large.
    pub value: u64,
    /// What stands behind it.
    pub rest: &'a str,
    /// Code and words.
    pub error: Option<(u32, &'static str)>,
}

/// Reads a number after spaces. `base` 0: decimal, hexadecimal after `0x`, octal after `0`.
pub(crate) fn number(text: &str, mut base: u32) -> Number<'_> {
    let mut rest = text.trim_start_matches(is_space);
    if let Some(hex) = rest.strip_prefix("0x").filter(|_| matches!(base, 0 | 16)) {
        (base, rest) = (16, hex);
    } else if base == 0
        && rest.starts_with('0')
        && rest.as_bytes().get(1).is_some_and(|b| matches!(b, b'0'..=b'7'))
    {
        base = 8;
    }
    let base = if base == 0 { 10 } else { base };
    let mut value: u64 = 0;
    let mut found = false;
    while let Some(digit) = rest.chars().next().and_then(|c| c.to_digit(base)) {
        found = true;
        match value.checked_mul(u64::from(base)).and_then(|value| value.checked_add(u64::from(digit))) {
            Some(more) => value = more,
            None => {
                let error = Some((code::OUT_OF_RANGE, "overflow is detected"));
                return Number { value: u64::MAX, rest, error };
            }
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    let error = (!found).then_some((code::BAD_NUMBER, "unrecognized number"));
    Number { value, rest, error }
}

/// The same with a sign.
pub(crate) fn signed(text: &str) -> (i64, Option<(u32, &'static str)>) {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
    let Number { value, error, .. } = number(text, 0);
    let value = value as i64;
    (if negative { value.wrapping_neg() } else { value }, error)
}

/// What GRUB takes for a space.
pub(crate) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}
