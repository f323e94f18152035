"""Page: everything that was trained."""
