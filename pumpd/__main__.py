"""`python -m pumpd`: the same as the command `pumpd`."""

from pumpd.cli.main import main

main()
