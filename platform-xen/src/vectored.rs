//! What `readv` and `writev` do with a list of buffers. Pure.

/// Does something with each part in turn, until one is not done in full; how many bytes were done. An error is one only if
/// it comes before the first byte: who is told of it would do those again.
pub fn in_turn<T, E>(
    parts: &[T],
    len: impl Fn(&T) -> usize,
    mut each: impl FnMut(&T) -> Result<usize, E>,
) -> Result<usize, E> {
    let mut total = 0;
    for part in parts {
        match each(part) {
            Ok(n) => {
                total += n;
                if n < len(part) {
                    break;
                }
            }
            Err(_) if total > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// Writes to something that has room for so many bytes, and then refuses.
    fn write(parts: &[&[u8]], room: usize) -> (Result<usize, i32>, Vec<u8>) {
        let mut there = Vec::new();
        let done = in_turn(
            parts,
            |part| part.len(),
            |part| {
                let n = part.len().min(room - there.len());
                there.extend_from_slice(&part[..n]);
                if n == 0 && !part.is_empty() { Err(11) } else { Ok(n) }
            },
        );
        (done, there)
    }

    #[test]
    fn what_was_written_is_told_and_nothing_is_left_out() {
        let parts: [&[u8]; 4] = [b"head", b"", b"er", b"body"];
        assert_eq!(write(&parts, 99), (Ok(10), b"headerbody".to_vec()));
        // A part that was not written in full is not followed by the next.
        assert_eq!(write(&parts, 5), (Ok(5), b"heade".to_vec()));
        // The second refuses: the first was written all the same.
        assert_eq!(write(&parts, 4), (Ok(4), b"head".to_vec()));
        assert_eq!(write(&parts, 0), (Err(11), Vec::new()));
        assert_eq!(write(&[], 9), (Ok(0), Vec::new()));
    }
}
