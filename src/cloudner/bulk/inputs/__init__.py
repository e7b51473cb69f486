"""Source files: found, counted, cut into parts, read."""
