"""The first run of a gateway: finding adapters, identifying pumps, and writing what a gateway needs."""
