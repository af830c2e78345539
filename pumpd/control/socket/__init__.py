"""The sockets of control: who may ask for what, requests in, answers and streams out."""
