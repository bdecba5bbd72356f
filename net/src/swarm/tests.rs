//! Swarms talk to each other in memory.
