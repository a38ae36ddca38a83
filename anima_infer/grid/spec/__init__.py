"""The specification of a grid: reading it, its axes, its JSON schema."""
