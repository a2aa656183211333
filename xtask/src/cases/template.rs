//! A workspace outside of the tree: what `xtask new` writes is built, run, tested and packed.

use anyhow::{Result, ensure};

use super::{Case, Stage, Tier};
use crate::lab::{Config, End};
use crate::project::{Domain, Project};
use crate::{new, paths, suite};

/// The cases.
pub fn cases() -> Vec<Case> {
    vec![Case { memory: suite::MEMORY + 64, ..Case::new("template/new", Tier::Long, template) }]
}

fn template(stage: &mut Stage) -> Result<()> {
    let top = paths::ensure(paths::target().join("template"))?;
    let dir = top.join("greeter");
    // What was built before is kept: std takes minutes.
    let kept = top.join("target");
    if dir.exists() {
        std::fs::remove_dir_all(&kept).ok();
        std::fs::rename(dir.join("target"), &kept).ok();
        std::fs::remove_dir_all(&dir)?;
    }
    new::run(&dir)?;
    std::fs::rename(&kept, dir.join("target")).ok();
    let project = Project::at(&dir, "greeter");

    let config = Config::new(project.build()?).memory(32).extra("some env=A=b words");
    let guest = stage.lab.create(&config)?;
    let (_, said) = stage.lab.expect(&guest, &["arguments: [\"some\", \"words\"]"], 60)?;
    ensure!(
        said.contains("hello from greeter; four threads found [500500, 2001000, 4501500, 8002000]"),
        "{said}"
    );
    stage.ends(&guest, End::Off)?;

    let programs = project.build_tests()?;
    let outcome = project.run_tests(stage.lab, &programs, "")?;
    ensure!(outcome == (3, 0), "{outcome:?} passed and failed");

    let domain = Domain { memory: 48, words: vec!["a".into(), "\"two words\"".into()] };
    project.package(std::path::Path::new("package"), &domain)?;
    let text = std::fs::read_to_string(dir.join("package/greeter.cfg"))?;
    let kernel = stage.lab.push(&dir.join("package/greeter"))?;
    let text = text.replace("/etc/xen/greeter", &kernel).replace("# disk", "# no disk");
    stage.lab.sh(&format!("cat > /tmp/greeter.cfg <<'EOF'\n{text}EOF\nxl create /tmp/greeter.cfg"), 60)?;
    stage
        .lab
        .sh("for i in $(seq 100); do xl domid greeter 2>/dev/null || exit 0; sleep 0.2; done; exit 1", 60)?;
    Ok(())
}
