"""Explain: heatmaps of what a run looks at."""
