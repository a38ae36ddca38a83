"""From a specification to cells in batches, with what they will cost."""
