"""A pump that does not exist, as an example of a third party's driver and simulator (docs/how-to/write-a-driver.md)."""
