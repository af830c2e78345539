"""How fast pumpd is and what it costs, compared with its bounds: see docs/reference/benchmarks.md."""
