//! Dates.

/// Seconds since 1970 of a date (year, month, day) and a time (hour, minute, second) in UTC.
pub(crate) fn seconds([year, month, day]: [i64; 3], [hour, minute, second]: [i64; 3]) -> i64 {
    // Days of the Gregorian calendar, with years that begin in March.
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = 365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468;
    days * 86400 + hour * 3600 + minute * 60 + second
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn known_days() {
        assert_eq!(seconds([1970, 1, 1], [0, 0, 0]), 0);
        assert_eq!(seconds([2000, 2, 29], [12, 0, 1]), 951_825_601);
        assert_eq!(seconds([2026, 11, 28], [12, 30, 0]), 1_795_869_000);
        assert_eq!(seconds([1969, 12, 31], [23, 59, 59]), -1);
    }
}
