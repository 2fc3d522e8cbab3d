"""Reproducible comparisons with other sinkholes and resolvers: ``make bench``, or ``python -m bench --help``.

names      the blocked names and the questions
native/    the C parts: upstream, echo (the physical limit), latency client
servers/   one module a server: its configuration, its command, how it reloads
processes  starts, pins and ends; proc  CPU time and memory of a process tree
load       dnsperf and the latency client; probe  a single question
measure    the order of measurements; report  tables, RESULTS.md, JSON
"""
