"""Look for what is missing or mismatched on this machine; ``examination.examine`` does it all."""
