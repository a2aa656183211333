//! The program on Linux, over disk images made by mke2fs.

mod boots;
mod forced;
mod guest;
mod menus;
mod network;
mod terminal;
mod tries;
mod xbootldr;
