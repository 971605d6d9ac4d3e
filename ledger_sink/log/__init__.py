"""Topic-partition logs: names, tiles, state, epochs, keys."""
