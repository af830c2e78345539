"""`pumpd doctor`: what can be wrong on a gateway, and what to do about it. `pumpd diagnostics`: the same for support.

Promises:
- It changes nothing, opens no serial port, publishes nothing and causes no flow. It asks control only for its status.
- What this user may not see is `not_checked`, neither good nor bad. So is a check that fails by a defect of its own.
- It works without control, without a configuration, and on a machine that is no gateway.
- A rule that pumpd itself follows is called here, and never written a second time.

`machine.py` reads the machine, `facts.py` holds what is known about this gateway, and each other module holds the lines
of one group. `examination.py` puts them together.
"""
