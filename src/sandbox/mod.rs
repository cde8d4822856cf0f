//! Loopback providers.
