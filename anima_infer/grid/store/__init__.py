"""A grid's folder on disk: plan, manifest, images, votes, lock. Needs no tensors."""
