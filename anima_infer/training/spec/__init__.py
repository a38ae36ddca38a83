"""The specification of a training: one table of options for the reader, the JSON schema and the documentation."""
