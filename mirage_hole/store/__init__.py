"""What is kept on disk by SQLite: the state, the query log, the statistics. Only the control plane comes here, never a worker."""
