"""From an order to a loaded program: checks, preview, patient association."""
