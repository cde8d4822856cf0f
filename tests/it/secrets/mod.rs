//! Keys and other secrets: what an attacker finds who gets hold of what llmr prints, writes, sends or leaves behind.

mod addresses;
mod everywhere;
mod needles;
mod network;
mod peer;
mod process;
