//! Which of the formats of menus a text is in.

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// GRUB 0.97's menu.lst.
    MenuLst,
    /// A script of GRUB 2's shell.
    GrubCfg,
    /// A configuration of the Syslinux family.
    Extlinux,
}

impl Format {
    /// By the file's name, where that says it; else by the words that its lines begin with.
    pub fn of(path: &str, text: &[u8]) -> Self {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        match name {
            "menu.lst" | "grub.conf" => Self::MenuLst,
            "grub.cfg" => Self::GrubCfg,
            "extlinux.conf" | "syslinux.cfg" | "isolinux.cfg" => Self::Extlinux,
            _ if directory.ends_with("pxelinux.cfg") => Self::Extlinux,
            _ => Self::by_text(text),
        }
    }

    fn by_text(text: &[u8]) -> Self {
        let lines = text.split(|byte| *byte == b'\n');
        let words = lines
            .filter_map(|line| line.trim_ascii_start().split(|byte| !byte.is_ascii_alphanumeric()).next());
        let mut script = false;
        for word in words {
            match word {
                b"title" => return Self::MenuLst,
                word if word.eq_ignore_ascii_case(b"label") => return Self::Extlinux,
                b"menuentry" | b"submenu" | b"linux" | b"configfile" | b"source" | b"blscfg"
                | b"function" | b"if" | b"set" | b"insmod" | b"search" => script = true,
                _ => {}
            }
        }
        if script { Self::GrubCfg } else { Self::MenuLst }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_words() {
        assert_eq!(Format::of("/boot/grub/menu.lst", b"menuentry x {"), Format::MenuLst);
        assert_eq!(Format::of("/boot/grub/grub.cfg", b"title x"), Format::GrubCfg);
        assert_eq!(Format::of("/m", b"# x\n\n  title x\nroot (hd0,0)\nconfigfile x"), Format::MenuLst);
        assert_eq!(Format::of("/m", b"set timeout=5\nmenuentry x {"), Format::GrubCfg);
        assert_eq!(Format::of("/m.cfg", b"menuentry 'x' {\n linux /title\n}"), Format::GrubCfg);
        assert_eq!(Format::of("/pxelinux.cfg/default", b"title"), Format::Extlinux);
        assert_eq!(Format::of("/m", b"DEFAULT a\nLABEL a\n KERNEL b"), Format::Extlinux);
        assert_eq!(Format::of("", b""), Format::MenuLst);
    }
}
