"""The only process that can move a plunger: it runs infusions, keeps the journal and answers on its two sockets."""
