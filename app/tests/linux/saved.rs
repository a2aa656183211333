//! What a guest's menu saves on its disk.

use crate::guest::Guest;
use crate::menus::{boots, dump, linux};

#[test]
fn what_a_script_saves() {
    let cfg = "load_env\nset default=\"${saved_entry}\"\nif [ \"$next_entry\" ]; then set default=\"$next_entry\"; set next_entry=; save_env next_entry; fi\n\
               set timeout=0\nmenuentry A --id a { set saved_entry=a; save_env saved_entry; linux /k from-a; }\n\
               menuentry B --id b { linux /k from-b; }\nmenuentry C --id c { linux /k from-c; }\n";
    let block = |text: &str| format!("# GRUB Environment Block\n{text}{}", "#".repeat(999 - text.len()));
    let env = block("saved_entry=b\nnext_entry=c\n");
    let mut guest = Guest::new();
    let files: &[(&str, &[u8])] =
        &[("/boot/grub/grub.cfg", cfg.as_bytes()), ("/boot/grub/grubenv", env.as_bytes()), ("/k", &linux())];
    let image = guest.file_system("xvda", files);
    // Read-only: the once stays, and it is said.
    guest.disk(&image);
    boots(&guest, "", &["from-c", "read-only"]);
    boots(&guest, "", &["from-c"]);
    let made = guest;
    let mut guest = guest_of(&image);
    // Looking changes nothing.
    let menu = dump(&mut guest_of(&image));
    assert_eq!(menu["default"], 2);
    boots(&guest, "", &["from-c"]);
    boots(&guest, "", &["from-b"]);
    guest.arg("pvgrub.entry=a");
    boots(&guest, "", &["from-a"]);
    let mut guest = guest_of(&image);
    assert_eq!(dump(&mut guest)["default"], 0, "it was saved");
    drop(made);
}

fn guest_of(image: &std::path::Path) -> Guest {
    let mut guest = Guest::new();
    guest.arg("--writable");
    guest.disk(image);
    guest
}

#[test]
fn savedefault_of_a_menu_lst() {
    let menu = "default saved\ntimeout 0\ntitle A\nkernel /k a\ntitle B\nkernel /k b\nsavedefault\n";
    let saved = "0\n#\n#\n#\n# the entry that is booted\n";
    let files: &[(&str, &[u8])] = &[
        ("/boot/grub/menu.lst", menu.as_bytes()),
        ("/boot/grub/default", saved.as_bytes()),
        ("/k", &linux()),
    ];
    let made = Guest::new();
    let image = made.file_system("xvda", files);
    boots(&guest_of(&image), "", &["by itself: A"]);
    let mut other = guest_of(&image);
    other.arg("pvgrub.entry=1");
    boots(&other, "", &["by itself: B"]);
    boots(&guest_of(&image), "", &["by itself: B"]);
    // Read-only, it boots all the same.
    let mut other = Guest::new();
    other.disk(&image);
    other.arg("pvgrub.entry=1");
    boots(&other, "", &["by itself: B"]);
}

#[test]
fn savedefault_overwrites_nothing_else() {
    let menu = "timeout 0\ntitle A\nkernel /k a\nsavedefault\n";
    let files: &[(&str, &[u8])] =
        &[("/grub/menu.lst", menu.as_bytes()), ("/grub/default", b"somebody's notes\n"), ("/k", &linux())];
    let made = Guest::new();
    let image = made.file_system("xvda", files);
    boots(
        &guest_of(&image),
        "",
        &["/grub/default is not a file that grub-set-default made", "would be booted"],
    );
    let bytes = std::fs::read(&image).unwrap();
    assert!(bytes.windows(16).any(|bytes| bytes == b"somebody's notes"));
}
