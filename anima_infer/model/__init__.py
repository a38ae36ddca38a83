"""The networks: text encoder, adapter, DiT, VAE. They are handed tensors, and open no file."""
