"""Overview: where things stand, what to do next, and the way to a first judged run."""
