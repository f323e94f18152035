"""Train: the form of a new run, what it will cost, and the run that is watched."""
