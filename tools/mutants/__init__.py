"""Small changes of the core, one at a time, each of which a test must notice: `make mutants` (decision 54)."""
