"""The demo: a gateway, a broker and a simulated pump as real processes, and a software nurse, all on this machine."""
