"""Captions of training sets: read, checked, counted, selected, edited with a journal, and undone."""
