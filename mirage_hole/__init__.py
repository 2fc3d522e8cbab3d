"""Mirage Hole: a DNS sinkhole resolver.

The folders, in the order in which a query meets them (docs/architecture.md tells the whole story):

inside, no IO, no clock, no randomness, no logging
    wire       bytes to meaning and back
    lists      list text to rules
    policy     who asks what, and the verdict on it
    cache      answers that are already known
    upstream   whom to ask, and whether a reply answers the question
    dnssec     whether an answer is signed as it should be
    local      names that have answers of their own here, and names that never leave
    resolver   the engine: events in, effects out
    observe    folds query records into counters and top lists

edge, the only code that touches the world
    net        sockets; the one interpreter of effects
    sources    downloads lists and keeps the last good copy
    api        the web application

outermost
    runtime    supervisor, workers, the channel between them
    config     what the user wrote, and what it means
    cli        one module a subcommand
"""

__version__ = "0.1.0"
