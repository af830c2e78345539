"""The journal, outward to an MQTT broker: a process of its own that receives nothing and commands nothing."""
