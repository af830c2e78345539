"""Alaris Asena GH and CC clinical syringe pumps. Firmware after 2.3.6 has no remote control."""
