"""Running a plan into a folder."""
