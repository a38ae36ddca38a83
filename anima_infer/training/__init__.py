"""The parts of a trainer: loss, optimizers, precision, compiled networks, states to resume from."""
