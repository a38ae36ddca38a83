"""Where cells are rendered."""
