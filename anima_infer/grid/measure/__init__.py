"""Measures of images, and of the effect of axis values. Needs no tensors."""
