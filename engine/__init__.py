"""Camsight's engine: everything that computes. It knows no page."""
