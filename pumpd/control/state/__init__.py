"""Everything that is shown, as one snapshot."""
