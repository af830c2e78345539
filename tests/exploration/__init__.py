"""Every order of events, breadth first: `advance()` beside a model of the pump, checked against the truth of that pump.

    python -m tests.exploration [--slice NAME] [--nodes N] [--ci] [--mutants] [--doc]

Read it in this order:

- `slices`      what one search covers, and with which limits
- `world`       the true pump, the line, and a witness that trusts nothing but events and actions
- `happenings`  the alphabet: everything that can happen, one small function each
- `step`        one event through `advance()` and into the world
- `rules`       what must be true of each step, in plain words
- `key`         the abstraction: when two nodes count as one
- `search`      breadth first, until nothing new is found or to a bound
- `mutants`     deliberate breaks of the guards, each of which a rule must catch

Results, and what the abstraction leaves out, are in docs/explanations/exploration.md.
"""
