//! Unified kernel images made to order: headers and sections as ukify writes them, without a program.

/// An image for `machine` with these sections, in order.
pub fn uki(machine: u16, sections: &[(&str, &[u8])]) -> Vec<u8> {
    let align = |len: usize| len.next_multiple_of(512);
    let mut file = b"MZ".to_vec();
    file.resize(60, 0);
    file.extend(128_u32.to_le_bytes());
    file.resize(128, 0);
    file.extend(b"PE\0\0");
    file.extend(machine.to_le_bytes());
    file.extend((sections.len() as u16).to_le_bytes());
    file.extend([0; 12]);
    file.extend(240_u16.to_le_bytes());
    file.extend([0; 2 + 240]);
    let mut offset = align(file.len() + 40 * sections.len());
    for (name, bytes) in sections {
        let mut header = [0; 40];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[8..12].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
        header[16..20].copy_from_slice(&(align(bytes.len()) as u32).to_le_bytes());
        header[20..24].copy_from_slice(&(offset as u32).to_le_bytes());
        file.extend(header);
        offset += align(bytes.len());
    }
    for (_, bytes) in sections {
        file.resize(align(file.len()), 0);
        file.extend(*bytes);
    }
    file.resize(align(file.len()), 0);
    file
}
