"""From a loaded program to a start: challenge, review, signature, nonces."""
