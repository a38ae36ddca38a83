"""Measurements and the peers that they are taken against."""
