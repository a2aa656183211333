//! A hypervisor and backends in a process.
