"""From the stream into the store, by any number of workers that share one durable consumer."""
