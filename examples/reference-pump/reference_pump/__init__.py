"""Driver and simulator for the reference firmware in examples/firmware, whose README describes the protocol."""
