"""Zyno MIVA and Nimbus II ambulatory volumetric pumps, and other models that speak the same way."""
