"""Sockets. The only code that carries out the engine's effects."""
