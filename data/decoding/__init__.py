"""From the bytes of a file to upright RGB pixels; ``facegate.data.images`` is the way in."""
