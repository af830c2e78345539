"""The Poseidon, an open-source laboratory syringe pump with three motors: its published firmware knows only moves."""
