//! A hypervisor and backends in a process.

pub mod hypervisor;
pub mod peer;
