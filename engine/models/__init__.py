"""Architectures by name. `presets` is plain data; `build` needs Keras."""
