"""What lists cost: compiling, updating, five million names, a rule of one's own, regular expressions. ``python -m bench.lists``."""
