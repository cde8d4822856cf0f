//! End to end: the real binary, real sockets on loopback, a real database in a folder of its own.

mod common;
mod failover;
