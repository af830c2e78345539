"""Updates of a gateway: signed, never older, only when nobody is infused or observed, and rolled back (SEC-10)."""
