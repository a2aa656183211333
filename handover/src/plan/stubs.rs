//! The hypercall page: what a kernel with a HYPERCALL_PAGE note finds in it.
//!
//! The builder has Xen fill the page. A loader in the guest could ask only for its own address space, so it writes
//! the same bytes itself: for each hypercall number 32 bytes that put it into eax and do `syscall`, with rcx and r11
//! saved, which that instruction destroys.

use platform_xen_sys::PAGE_SIZE;
use platform_xen_sys::hypercall::{HYPERCALL_STUB_SIZE, IRET};

const INT3: u8 = 0xcc;
/// push rcx; push r11.
const SAVE: [u8; 3] = [0x51, 0x41, 0x53];
/// mov eax, imm32 follows.
const MOV_EAX: u8 = 0xb8;
const SYSCALL: [u8; 2] = [0x0f, 0x05];
/// pop r11; pop rcx; ret.
const RESTORE: [u8; 4] = [0x41, 0x5b, 0x59, 0xc3];
/// push rax: part of the frame that iret takes, which is jumped to and never returns.
const PUSH_RAX: u8 = 0x50;

/// Writes the hypercall stubs into `page`, with breakpoints between them, as Xen does.
pub fn fill(page: &mut [u8; PAGE_SIZE]) {
    page.fill(INT3);
    let (stubs, _) = page.as_chunks_mut::<HYPERCALL_STUB_SIZE>();
    for (number, stub) in (0u32..).zip(stubs) {
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            stub[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&SAVE);
        if u64::from(number) == IRET {
            put(&[PUSH_RAX, MOV_EAX]);
            put(&number.to_le_bytes());
            put(&SYSCALL);
        } else {
            put(&[MOV_EAX]);
            put(&number.to_le_bytes());
            put(&SYSCALL);
            put(&RESTORE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_two_stubs() {
        let mut page = [0; PAGE_SIZE];
        fill(&mut page);
        // Disassembled by hand: push rcx; push r11; mov eax, 17; syscall; pop r11; pop rcx; ret.
        let version = [0x51, 0x41, 0x53, 0xb8, 17, 0, 0, 0, 0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3];
        assert_eq!(page[17 * 32..17 * 32 + 14], version);
        let iret = [0x51, 0x41, 0x53, 0x50, 0xb8, 23, 0, 0, 0, 0x0f, 0x05];
        assert_eq!(page[23 * 32..23 * 32 + 11], iret);
        assert_eq!(page[23 * 32 + 11], 0xcc);
        assert_eq!(page[127 * 32 + 4], 127);
    }
}
