//! GRUB's environment block: what grub-set-default and grub-reboot write, and `load_env` reads.

/// Its size: never more or less, so that it can be written where it lies.
const SIZE: usize = 1024;
/// Its first line.
const HEAD: &str = "# GRUB Environment Block\n";

/// The block with these variables.
pub fn grubenv(variables: &[(&str, &str)]) -> Vec<u8> {
    let mut block = HEAD.as_bytes().to_vec();
    for (name, value) in variables {
        let value = value.replace('\\', "\\\\").replace('\n', "\\\n");
        block.extend(format!("{name}={value}\n").bytes());
    }
    block.resize(SIZE, b'#');
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_1024_bytes() {
        let block = grubenv(&[("saved_entry", "0>1"), ("x", "a\\b")]);
        assert!(block.starts_with(b"# GRUB Environment Block\nsaved_entry=0>1\nx=a\\\\b\n###"));
        assert_eq!(block.len(), SIZE);
    }
}
