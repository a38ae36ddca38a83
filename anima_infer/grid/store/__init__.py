"""A grid's folder: what was planned, what is finished, and the images. Needs no tensors."""
