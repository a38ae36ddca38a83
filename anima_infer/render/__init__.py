"""From prompts to images that say how they were made."""
