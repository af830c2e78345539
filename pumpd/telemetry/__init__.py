"""Publishes the journal to an MQTT broker: a separate process that receives nothing and commands nothing."""
