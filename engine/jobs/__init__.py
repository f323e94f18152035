"""A command of ours, started as a process of its own."""
