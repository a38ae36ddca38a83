"""Lint many prompts: configuration files, inputs of every kind, workers, a cache, and all outputs."""
