//! Two connections talk to each other in memory.
