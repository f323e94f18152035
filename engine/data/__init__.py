"""Pictures in, Dataset out."""
