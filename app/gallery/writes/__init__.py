"""What changes the rows of a gallery, inside a transaction of the caller's."""
