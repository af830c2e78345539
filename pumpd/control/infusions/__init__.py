"""A pump and its infusion: polling, carrying out actions, starting, unprescribed flow, recovery."""
