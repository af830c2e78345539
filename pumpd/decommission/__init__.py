"""The end of a gateway: everything is exported and read back, then erased, and that is verified (SEC-13)."""
