"""The rules, one module each. `anima_prompt.lint.registry` lists them."""
