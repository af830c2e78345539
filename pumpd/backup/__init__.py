"""A gateway's journal, keys and configuration in one encrypted file, and the way back onto another card."""
