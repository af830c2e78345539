"""A simulated bedside monitor: vital signs of a simulated patient on an MQTT topic, and what can go wrong with them."""
