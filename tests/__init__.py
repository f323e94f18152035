"""A package: tf-keras-vis, which benchmarks use, installs another one of this name."""
