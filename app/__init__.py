"""facegate turns faces into names, and says how sure it is."""

__version__ = "0.1.0"
