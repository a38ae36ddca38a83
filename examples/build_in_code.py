"""Compose prompts in code, branch one into variants, and print them for three front ends.

Run it with ``python examples/build_in_code.py``.
"""

from anima_prompt import PromptBuilder, convert

base = (
    PromptBuilder.for_profile("base-1.0")
    .count("1girl")
    .character("hatsune miku", looks=True)
    .tags("night", "city lights", "rain")
    .sentence("She waits under a red umbrella and looks up at the neon signs.")
)

for weight in ("1.0", "1.5", "2.0"):
    prompt = base.artist("wlop", weight=weight).build()
    print(prompt.to_text())

prompt = base.artist("poco (asahi age)", weight=1.3).build()
for dialect in ("comfyui", "a1111", "plain"):
    print(f"{dialect:8}", prompt.to_text(dialect))
print("negative", prompt.negative.to_text())

print(convert("((masterpiece)), [hat], fern \\(sousou no frieren\\)", "a1111", "comfyui").text)
