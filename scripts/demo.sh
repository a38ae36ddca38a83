#!/usr/bin/env bash
# The main job: build prompts, print them for three front ends, lint and fix, then render three grids with the demo model.
set -euo pipefail
cd "$(dirname "$0")/.."
run=.venv/bin/anima-prompt
infer=.venv/bin/anima-infer
out=out/demo
rm -rf "$out" && mkdir -p "$out"

say() { printf '\n== %s\n' "$*"; }

say "A prompt file with two characters (examples/prompts/two_singers.yaml), for ComfyUI"
"$run" build examples/prompts/two_singers.yaml

say "The same file for Forge Neo (a1111), then for diffusers (plain), which has no weights: each dropped weight is reported"
"$run" build examples/prompts/two_singers.yaml --dialect a1111 | head -n 1
"$run" build examples/prompts/two_singers.yaml --dialect plain | head -n 1

say "Several prompts in one file, one of them for Turbo"
"$run" build examples/prompts/set.yaml

say "A careless prompt, before and after"
cp examples/prompts/old_habits.txt "$out/old_habits.txt"
cat "$out/old_habits.txt"
"$run" fmt "$out/old_habits.txt"
cat "$out/old_habits.txt"

say "Parse it"
"$run" parse "$out/old_habits.txt"

say "Lint a prompt written for another model, then fix it"
"$run" lint "masterpiece, 8k, 1girl, Red_Hair, fern (sousou no frieren), (smile:3" --severity warning --exit-zero
"$run" lint "masterpiece, 8k, 1girl, Red_Hair, fern (sousou no frieren), smile" --fix --severity error --exit-zero

say "From Forge Neo to ComfyUI: nested weights multiply in the first, the innermost wins in the second"
"$run" convert --from a1111 --to comfyui "((smile:1.2)), [hat], len \\(tsukihime\\)"

for dialect in comfyui a1111 plain; do
  for file in two_singers lighthouse set; do
    "$run" build "examples/prompts/$file.yaml" --dialect "$dialect" --json >"$out/$file.$dialect.json" 2>/dev/null || true
  done
done
say "JSON for programs: $(find "$out" -name '*.json' | wc -l) files in $out"

say "An image from the included demo model (the real one: --models FOLDER)"
"$infer" render "masterpiece, best quality, safe, 1girl, red hair, long hair, green eyes, smile, witch hat, blue dress, day, portrait" --seed 1 -o "$out/witch.png"

say "A grid: eight drawing styles, two characters (examples/grids/styles.yaml)"
"$infer" grid plan examples/grids/styles.yaml
"$infer" grid run examples/grids/styles.yaml -o "$out/styles"

say "A second grid: quality tags against a negative prompt (examples/grids/quality.yaml)"
"$infer" grid run examples/grids/quality.yaml -o "$out/quality" 2>&1

say "A third grid: how much weight a hat needs (examples/grids/weights.yaml)"
"$infer" grid run examples/grids/weights.yaml -o "$out/weights" 2>&1

say "Open $out/styles/report.html in a browser; vote with: $infer grid review $out/styles"
