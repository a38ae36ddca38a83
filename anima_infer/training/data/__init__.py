"""Training data: images and captions, their sizes, the cache of what the networks make of them, and their order."""
