"""Sends the journal to the ward's store over NATS JetStream: telemetry's second sink. It receives nothing."""
