"""The shelf: weights on this machine, how they get there, and whether they are sound."""
