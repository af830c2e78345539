"""The Debian packages of pumpd: `python -m tools.package`, or `make package` (decision 31)."""
