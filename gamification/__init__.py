"""The game itself, without I/O: programs, activities, the fold, progress and records."""
