"""The ward's PostgreSQL: its schema, what is written into it, and what was."""
