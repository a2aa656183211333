//! The program on Linux, over disk images made by mke2fs.

mod bls;
mod boots;
mod extlinux;
mod forced;
mod guest;
mod legacy;
mod loopback;
mod media;
mod menus;
mod network;
mod saved;
mod terminal;
mod tries;
mod xbootldr;
mod xfs;
