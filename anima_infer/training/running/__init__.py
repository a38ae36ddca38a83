"""Running a training: steps, states to resume from, results, log, validation, previews."""
