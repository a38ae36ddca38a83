"""From a specification to cells in batches, and their cost. Loads no model."""
