"""Which alarms are active, who has acknowledged them, and what sounds."""
