"""A gallery as a whole: copied, put back, carried to another machine or another model."""
