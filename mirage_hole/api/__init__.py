"""The embedded web server: pages, JSON, live events, metrics."""
