"""B. Braun Space racks over their BCC interface: monitoring only. The interface cannot change a pump."""
