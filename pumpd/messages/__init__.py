"""What goes over control's sockets: requests, answers, tablet requests, and what is signed."""
