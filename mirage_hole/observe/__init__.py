"""Folds query records into counters, time series and top lists."""
