"""Vital signs from bedside monitors: heard on an MQTT topic, handed to control, and never more than that."""
