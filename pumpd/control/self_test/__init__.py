"""What a session relies on is tried before it: the self-test."""
