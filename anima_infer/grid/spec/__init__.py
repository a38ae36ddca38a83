"""The specification of a grid: its reader, its axes and what they can change, its JSON schema."""
