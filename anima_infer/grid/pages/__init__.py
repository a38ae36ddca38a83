"""What people look at: contact sheets, the report, the blind review. Needs no tensors."""
