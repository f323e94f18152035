"""How good a classifier is, and how far to trust the number: arrays in, numbers out.

This room imports none of the others, so anyone can use it alone on any model's scores.
`y_true` holds labels (0 negative, 1 positive), `y_score` a number for each that is higher where the
model finds the positive class likelier; `groups` the subject of each, where pictures of one are
not independent.
"""
