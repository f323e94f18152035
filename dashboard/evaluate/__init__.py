"""Evaluate: a run's figures with their evidence, and the pictures behind its mistakes."""
