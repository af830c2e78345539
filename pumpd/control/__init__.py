"""The one process that can move a plunger: it runs infusions, keeps the journal and answers on the control socket."""
