"""One plain function a verb: where the rooms meet, and all that the pages call."""
