"""The tablets' server: HTTPS outwards, the control socket and the journal inwards. It can stop a pump, and no more."""
