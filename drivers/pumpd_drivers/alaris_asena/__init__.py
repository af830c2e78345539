"""Alaris Asena GH and CC clinical syringe pumps. Firmware after 2.3.6 takes no remote control."""
