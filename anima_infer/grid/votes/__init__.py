"""Votes on pairs of images, and what they say. Needs no tensors."""
