"""The query log: one SQLite file a UTC day, written by one thread, searched newest first."""
