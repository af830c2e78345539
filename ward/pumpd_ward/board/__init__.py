"""The page for a ward and what it asks for. It reads the store and nothing else: it has no connection to a gateway."""
