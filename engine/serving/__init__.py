"""Models in a process of their own: `client` asks, `worker` answers, by what `protocol` says."""
