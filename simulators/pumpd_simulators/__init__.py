"""Simulated infusion pumps that speak their real wire protocols, on one physics. Not a cleared medical device."""
