"""Simulated New Era NE-1000 family, byte for byte as from power-up. Source: the family's manual, sections 10 and 12."""
