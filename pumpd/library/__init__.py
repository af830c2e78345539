"""The drug library on disk: its files and their signature."""
