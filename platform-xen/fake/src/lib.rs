//! A hypervisor and backends in a process.

pub mod peer;
