"""The tablets' server: HTTPS to the tablets; the socket and the journal of control. It can stop pumps, nothing else."""
