// SPDX-License-Identifier: GPL-2.0

//! What modules do within the kernel, as probes see it; in the binary of the tests that patch
//! the kernel's code.

use guest::{
    kmsg::Log,
    module::{self, Module},
    terminal::{on_terminal, Pty},
};

/// The terminal cannot be closed or hung up while `print_string_rs` writes to it.
#[test]
fn print_string_rs_writes_with_the_terminal_locked() {
    let _probes = Module::load("faulty/tty_probes", "").unwrap();
    for command in ["insmod", "rmmod"] {
        let mut pty = Pty::open();
        let mut log = Log::bookmark();
        let argument = match command {
            "insmod" => module::path("print_string_rs"),
            _ => "print_string_rs".into(),
        };
        let mut child = on_terminal(&pty.slave, command)
            .arg(argument)
            .spawn()
            .unwrap();
        assert!(child.wait().unwrap().success());
        assert!(pty.read_exact(7).starts_with(b"Module "));

        let by = format!(" by {}", child.id());
        let lines = log.lines_of("tty_probes");
        let calls: Vec<_> = lines
            .iter()
            .filter_map(|line| line.strip_suffix(&by))
            .collect();
        let writes = |calls: &[&str]| calls == ["tty_lock", "pty_write", "tty_unlock"];
        assert_eq!(
            calls.windows(3).filter(|calls| writes(calls)).count(),
            1,
            "{calls:?}"
        );
        let count = calls.iter().filter(|call| **call == "pty_write").count();
        assert_eq!(count, 1, "{calls:?}");
    }
}
