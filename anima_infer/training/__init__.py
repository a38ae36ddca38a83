"""Training: drawings to learn from, their captions, and the parts of a trainer."""
