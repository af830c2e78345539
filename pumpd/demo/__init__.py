"""The demo: a gateway, a broker and a simulated pump as real processes, and a software nurse. Here it is all one."""
