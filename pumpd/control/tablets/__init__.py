"""Paired tablets: keys, staff, sign-in, roles and signed requests."""
