"""Formats of caption files: each module reads the captions of one, with the spans of their values."""
