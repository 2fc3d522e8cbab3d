"""Fetches lists and keeps the last good copy of each on disk."""
