//! Several modules as one: the package that the flag SIF_MULTIBOOT_MOD announces (Xen's public/xen.h), which takes the
//! initrd's place.
//!
//! | whole pages | |
//! |---|---|
//! | the first | the list: 16 bytes for each module, and a last entry of zeroes |
//! | then, for each module | its file, and zeroes up to the end of a page (an empty file: no page) |
//! | | one page with its command line, a NUL, and zeroes |
//!
//! An entry of the list has four little-endian words of 32 bits: where the file begins, where its last byte is, where
//! the command line begins (all counted from the beginning of the package), and 0. xen.h says this much; the order of
//! things behind the list, and that they are page aligned, is PV-GRUB's (stubdom/grub/mini-os.c, `load_module`).

use alloc::vec::Vec;
use core::fmt;

use platform_xen_sys::PAGE_SIZE;

const PAGE: u64 = PAGE_SIZE as u64;
/// Bytes of an entry of the list (`struct xen_multiboot_mod_list`).
const ENTRY: usize = 16;

/// The most modules: with the last entry, their list fills a page.
pub const MAX_MODULES: usize = PAGE_SIZE / ENTRY - 1;

/// A module to be packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Module<'a> {
    /// Bytes of its file.
    pub len: u64,
    /// Its command line, without NUL.
    pub cmdline: &'a [u8],
}

/// Where everything lies in a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package<'a> {
    modules: Vec<Placed<'a>>,
    len: u64,
}

/// A module and the bytes at which its file and its command line begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Placed<'a> {
    module: Module<'a>,
    file: u32,
    cmdline: u32,
}

/// Why modules can't be packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackageError {
    /// More than [`MAX_MODULES`].
    TooMany,
    /// Offsets have 32 bits.
    TooLarge,
    /// A command line does not fit its page.
    CommandLineTooLong {
        /// The module, counted from 0.
        module: usize,
        /// Bytes of its command line.
        len: usize,
    },
    /// It would be cut at the NUL.
    CommandLineHasNul {
        /// The module, counted from 0.
        module: usize,
    },
}

impl fmt::Display for PackageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => write!(f, "more than {MAX_MODULES} modules"),
            Self::TooLarge => f.write_str("the modules have more than 4 GiB together"),
            Self::CommandLineTooLong { module, len } => write!(
                f,
                "the command line of module {} is {len} bytes long; at most {} can be passed on",
                module + 1,
                PAGE_SIZE - 1
            ),
            Self::CommandLineHasNul { module } => {
                write!(f, "the command line of module {} holds a NUL byte", module + 1)
            }
        }
    }
}

impl core::error::Error for PackageError {}

impl<'a> Package<'a> {
    /// Finds a place for each of `modules`, in their order.
    ///
    /// # Errors
    /// [`PackageError`].
    pub fn new(modules: impl IntoIterator<Item = Module<'a>>) -> Result<Self, PackageError> {
        let mut package = Self { modules: Vec::new(), len: PAGE };
        for module in modules {
            package.add(module)?;
        }
        Ok(package)
    }

    fn add(&mut self, module: Module<'a>) -> Result<(), PackageError> {
        let number = self.modules.len();
        if number == MAX_MODULES {
            return Err(PackageError::TooMany);
        }
        if module.cmdline.len() >= PAGE_SIZE {
            return Err(PackageError::CommandLineTooLong { module: number, len: module.cmdline.len() });
        }
        if module.cmdline.contains(&0) {
            return Err(PackageError::CommandLineHasNul { module: number });
        }
        let cmdline = module.len.checked_next_multiple_of(PAGE).and_then(|len| self.len.checked_add(len));
        // The command line lies behind the file, so where it fits into 32 bits, the file does.
        let offset = |bytes: u64| u32::try_from(bytes).map_err(|_| PackageError::TooLarge);
        let end = cmdline.ok_or(PackageError::TooLarge)?;
        self.modules.push(Placed { module, file: offset(self.len)?, cmdline: offset(end)? });
        self.len = end + PAGE;
        Ok(())
    }

    /// Its bytes: whole pages.
    #[expect(clippy::len_without_is_empty, reason = "a package always has its list")]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Writes all of the package into `buffer` but the modules' files, and gives the part of each where that is to
    /// go. What lies behind the package in the buffer stays as it is. `None`: the buffer is too small.
    pub fn fill<'b>(&self, buffer: &'b mut [u8]) -> Option<Vec<&'b mut [u8]>> {
        let (list, mut rest) = buffer.split_at_mut_checked(PAGE_SIZE)?;
        list.fill(0);
        for (entry, placed) in list.chunks_exact_mut(ENTRY).zip(&self.modules) {
            // The last byte. No file begins at 0, and its end was found to be below 4 GiB.
            let last = u32::try_from(u64::from(placed.file) + placed.module.len - 1).ok()?;
            for (word, value) in entry.chunks_exact_mut(4).zip([placed.file, last, placed.cmdline]) {
                word.copy_from_slice(&value.to_le_bytes());
            }
        }
        let mut files = Vec::new();
        for placed in &self.modules {
            let len = usize::try_from(placed.module.len).ok()?;
            let (pages, after) = rest.split_at_mut_checked(len.checked_next_multiple_of(PAGE_SIZE)?)?;
            let (file, tail) = pages.split_at_mut_checked(len)?;
            let (cmdline, after) = after.split_at_mut_checked(PAGE_SIZE)?;
            let (text, zeroes) = cmdline.split_at_mut_checked(placed.module.cmdline.len())?;
            text.copy_from_slice(placed.module.cmdline);
            tail.fill(0);
            zeroes.fill(0);
            files.push(file);
            rest = after;
        }
        Some(files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    /// A module as the next kernel finds it.
    type Found = (Vec<u8>, Vec<u8>);

    /// Reads a package by what xen.h says of it alone.
    fn read(package: &[u8]) -> Vec<Found> {
        let word = |at: usize| u32::from_le_bytes(package[at..at + 4].try_into().unwrap());
        (0..)
            .map(|entry| [0, 4, 8, 12].map(|word_at| word(entry * 16 + word_at) as usize))
            .take_while(|[start, ..]| *start != 0)
            .map(|[start, last, cmdline, pad]| {
                assert_eq!((start % PAGE_SIZE, cmdline % PAGE_SIZE, pad), (0, 0, 0));
                let text = package[cmdline..].split(|byte| *byte == 0).next().unwrap();
                (package[start..last + 1].to_vec(), text.to_vec())
            })
            .collect()
    }

    fn pack(modules: &[Found]) -> Result<Vec<u8>, PackageError> {
        let module = |(file, cmdline): &'_ Found| (file.len() as u64, cmdline.clone());
        let given: Vec<(u64, Vec<u8>)> = modules.iter().map(module).collect();
        let package = Package::new(given.iter().map(|(len, cmdline)| Module { len: *len, cmdline }))?;
        // Stale memory, and more of it than is asked for.
        let len = package.len() as usize;
        let mut buffer = vec![0xaa; len + PAGE_SIZE];
        for (place, (file, _)) in package.fill(&mut buffer).unwrap().into_iter().zip(modules) {
            place.copy_from_slice(file);
        }
        assert!(buffer[len..].iter().all(|byte| *byte == 0xaa));
        assert!(package.fill(&mut buffer[..len - 1]).is_none());
        buffer.truncate(len);
        Ok(buffer)
    }

    /// Byte for byte as PV-GRUB's code puts them together.
    #[test]
    fn two_modules_as_pv_grub_has_them() {
        let text = b"/hurd/ext2fs.static --readonly";
        let packed = pack(&[(vec![1; 5000], text.to_vec()), (vec![2; 4096], Vec::new())]).unwrap();
        let mut expected = vec![0; 6 * PAGE_SIZE];
        let words = [0x1000, 0x1000 + 5000 - 1, 0x3000, 0, 0x4000, 0x4fff, 0x5000, 0];
        for (n, word) in words.into_iter().enumerate() {
            expected[n * 4..n * 4 + 4].copy_from_slice(&u32::to_le_bytes(word));
        }
        expected[0x1000..0x1000 + 5000].fill(1);
        expected[0x3000..0x3000 + text.len()].copy_from_slice(text);
        expected[0x4000..0x5000].fill(2);
        assert!(packed == expected);
    }

    #[test]
    fn limits() {
        let module = |len, cmdline| Module { len, cmdline };
        let most = vec![module(1, b"x".as_slice()); MAX_MODULES];
        let package = Package::new(most.clone()).unwrap();
        let mut buffer = vec![0xaa; package.len() as usize];
        assert_eq!(package.fill(&mut buffer).unwrap().len(), 255);
        assert_eq!(read(&buffer).len(), 255);
        let more = most.into_iter().chain([module(1, b"x")]);
        assert_eq!(Package::new(more), Err(PackageError::TooMany));

        let (long, too_long) = ([b'c'; 4095], [b'c'; 4096]);
        assert!(Package::new([module(0, &long)]).is_ok());
        let e = Package::new([module(0, b""), module(0, &too_long)]).unwrap_err();
        assert_eq!(e, PackageError::CommandLineTooLong { module: 1, len: 4096 });
        let e = Package::new([module(0, b"a\0b")]).unwrap_err();
        assert_eq!(e, PackageError::CommandLineHasNul { module: 0 });

        // The list, and the last page that 32 bits can name.
        let largest = (1 << 32) - 2 * PAGE;
        assert_eq!(Package::new([module(largest, b"")]).unwrap().len(), 1 << 32);
        for len in [largest + 1, 1 << 32, u64::MAX - 4096, u64::MAX] {
            assert_eq!(Package::new([module(len, b"")]), Err(PackageError::TooLarge), "{len:#x}");
        }
        assert_eq!(Package::new([module(largest, b""), module(0, b"")]), Err(PackageError::TooLarge));
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(
            modules in prop::collection::vec(
                (prop::collection::vec(any::<u8>(), 0..9000), prop::collection::vec(1u8..=255, 0..5000)), 0..8,
            ),
        ) {
            match pack(&modules) {
                Ok(package) => {
                    prop_assert_eq!(package.len() % PAGE_SIZE, 0);
                    prop_assert_eq!(read(&package), modules);
                }
                Err(e) => {
                    let long = modules.iter().position(|(_, cmdline)| cmdline.len() > 4095);
                    let long = long.map(|module| PackageError::CommandLineTooLong { module, len: modules[module].1.len() });
                    prop_assert_eq!(Some(e), long);
                }
            }
        }
    }
}
