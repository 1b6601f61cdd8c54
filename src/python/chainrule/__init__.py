"""Multilayer perceptrons on the CPU (minimal placeholder: public names follow)."""
