//! The language: what each construct does.

mod common;
use common::output;

#[test]
fn words() {
    assert_eq!(
        output("set a='x  y'; echo $a \"$a\" '$a' \\$a a\\ b \"q\\\"\\$\\x\""),
        "x y x  y $a $a a b q\"$\\x\n"
    );
    assert_eq!(output("echo a\\\nb c \\\n  d 'e\nf' \"g\\\nh\""), "ab c d e\nf gh\n");
    assert_eq!(
        output("set e=; echo [$e] [\"$e\"] $e \"\" x; echo -n a; echo -e 'b\\tc\\n\\\\'"),
        "[] []  x\nab\tc\n\\\n"
    );
    assert_eq!(output("echo \\x41 '\\x42' \"\\x43\" \\y44"), "\\x41 \\x42 \\x43 y44\n");
    assert_eq!(output("echo ${grub_platform}x$grub_cpu$#$1"), "xenxx86_64\n");
    assert_eq!(output("set x=1; echo $\"a $x ${x}b \\$x\""), "a 1 1b $x\n");
}

#[test]
fn conditions_and_loops() {
    assert_eq!(output("if true; then echo a; elif true; then echo b; else echo c; fi"), "a\n");
    assert_eq!(output("if false\nthen echo a\nelif true\nthen echo b\nelse echo c\nfi\n"), "b\n");
    assert_eq!(output("for i in a b c; do if [ $i = b ]; then continue; fi; echo $i; done"), "a\nc\n");
    assert_eq!(
        output("for i in 1 2; do for j in x y; do echo $i$j; break 2; done; done; echo $i"),
        "1x\n1\n"
    );
    assert_eq!(output("set n=; while [ \"$n\" != xxx ]; do set n=x$n; echo $n; done"), "x\nxx\nxxx\n");
    assert_eq!(output("set n=; until [ \"$n\" = xx ]; do set n=x$n; done; echo $n"), "xx\n");
}

#[test]
fn functions() {
    let text = "function f {\n  echo $# $1 $2 \"$*\"\n  shift\n  echo $1\n  return 3\n  echo no\n}\nf a 'b c' d\necho $?\n";
    assert_eq!(output(text), "3 a b c a b c d\nb c\nerror: false.\n3\n");
    assert_eq!(output("function f { setparams x y; echo $@; }; f a; echo $1."), "x y\n.\n");
}

#[test]
fn statuses() {
    assert_eq!(output("false; echo $?; true; echo $?; ! false; echo $?; ! true; echo $?"), "1\n0\n0\n1\n");
    assert_eq!(output("nonsense; echo $?"), "error: can't find command `nonsense'.\n0\n");
    assert_eq!(output("a=b c=d; echo $a$c."), "b.\n");
}
