"""Every order of events, breadth first: `advance()` beside a model of the pump, judged by the truth of that pump.

    python -m tests.exploration [--slice NAME] [--nodes N] [--ci] [--mutants] [--doc]

Read it in this order:

- `slices`      what is explored at a time, and with which limits
- `world`       the pump as it truly is, the line, and a witness who trusts nothing but events and actions
- `happenings`  the alphabet: what can happen, a small function each
- `step`        one event through `advance()` and into the world
- `rules`       what must hold of each step, in plain words
- `key`         the abstraction: when two nodes are one
- `search`      breadth first, to closure or a bound
- `mutants`     deliberate breaks of the guards, each of which a rule must notice

What is found, and what the abstraction leaves out, is in docs/explanations/exploration.md.
"""
