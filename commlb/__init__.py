"""A streaming lower-bound laboratory."""
