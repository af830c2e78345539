"""What pumpd costs and how fast it is, beside what it is held to: see docs/reference/benchmarks.md."""
