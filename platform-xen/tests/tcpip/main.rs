//! The sockets of one machine against those of another, on a host: over wires that lose, change and repeat frames.

mod datagrams;
mod hostile;
mod names;
mod net;
mod streams;
