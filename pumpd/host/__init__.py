"""The gateway's own clock and power supply: the rules (pure) and what reads them from the kernel."""
