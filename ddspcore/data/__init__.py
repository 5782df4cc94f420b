"""From files to batches: find, decode, cache, split, order."""
