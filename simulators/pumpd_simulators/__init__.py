"""Simulated infusion pumps that use their real wire protocols, on one physics. Not a cleared medical device."""
