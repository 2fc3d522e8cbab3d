"""The engine: events in, effects out; told the time, it touches nothing."""
