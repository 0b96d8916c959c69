"""Distances, the miner and the losses."""
