"""Run a protocol along the one road, measure its error rates, and show them."""
