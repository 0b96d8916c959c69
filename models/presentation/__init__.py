"""The optional check for presentation attacks: its card, its installation, the check itself."""
