"""From noise to latents: schedules, noise, samplers, guidance. Knows no prompts and no files."""
