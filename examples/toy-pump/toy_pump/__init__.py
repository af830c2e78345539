"""A pump that does not exist: an example of a third-party driver and simulator (docs/how-to/write-a-driver.md)."""
