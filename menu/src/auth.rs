//! Who may do what, and how they prove who they are.

use alloc::string::String;
use alloc::vec::Vec;

/// Who may boot an entry without being asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Access {
    /// Everybody (GRUB 2's `--unrestricted`; a menu.lst's entry without `lock`).
    #[default]
    Unrestricted,
    /// The superusers, if the menu has any; else everybody (a GRUB 2 entry that says nothing; `lock` in menu.lst).
    Superusers,
    /// These users and the superusers, if the menu has superusers; else everybody (GRUB 2's `--users`).
    Users(Vec<String>),
}

/// What a password is compared with.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// The password itself.
    Plain(String),
    /// menu.lst's `--md5`: the whole of `$1$SALT$HASH`.
    Md5Crypt(String),
    /// GRUB 2's `password_pbkdf2`: PBKDF2 (RFC 8018) with HMAC-SHA-512.
    Pbkdf2Sha512 {
        /// Rounds.
        iterations: u32,
        /// The salt.
        salt: Vec<u8>,
        /// The derived key; its length is part of it.
        hash: Vec<u8>,
    },
}

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // A password must not get into a log.
        f.write_str(match self {
            Self::Plain(_) => "Plain(..)",
            Self::Md5Crypt(_) => "Md5Crypt(..)",
            Self::Pbkdf2Sha512 { .. } => "Pbkdf2Sha512(..)",
        })
    }
}
