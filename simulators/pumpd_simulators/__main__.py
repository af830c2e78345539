"""`python -m pumpd_simulators`: the same as the command `pumpsim`."""

from pumpd_simulators.main import main

main()
