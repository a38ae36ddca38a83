"""From prompts to images with metadata."""
