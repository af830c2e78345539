"""The gateways of a ward: their journals from a NATS JetStream into PostgreSQL, and a page that shows them.

It reads only: nothing here reaches a gateway or a pump.
"""

STATEMENT = "Simulation, research and integration only: not a cleared medical device."
