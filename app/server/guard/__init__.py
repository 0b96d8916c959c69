"""What stands before the routes: host, origin, size of bodies, connections, headers."""
