"""The ward's PostgreSQL: its schema, and what is written into it."""
