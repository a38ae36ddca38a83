"""Pages for people: contact sheets, the report, the blind review. Needs no tensors."""
