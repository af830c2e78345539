"""Vital signs of patients, before and during infusions."""
