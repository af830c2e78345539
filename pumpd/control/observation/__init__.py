"""Watching the patient after an infusion: vital signs and their schedule."""
