"""Fresenius Base A with Pilot or Agilia-class syringe modules, and such a syringe pump on its own line."""
