"""Prompts in and out of files: one module for each kind of file."""
