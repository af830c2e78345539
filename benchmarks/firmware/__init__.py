"""Firmware on an emulated chip, with the edges on its pins counted outside pumpd: `make firmware`."""
