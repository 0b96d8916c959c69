"""How faces are found, embedded and learned."""
