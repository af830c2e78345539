"""A ward on one machine, in a temporary folder on loopback: for trials, tests and measurements."""
