"""Where the pages are, relative to the entry script, for links and switches; spelled here alone."""

OVERVIEW = "overview/page.py"
TRAIN = "train/page.py"
EVALUATE = "evaluate/page.py"
EXPLAIN = "explain/page.py"
