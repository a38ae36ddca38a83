# make demo: set up and do the main job.  make test: set up and run every check.
.PHONY: help demo test check format rules bench bench-infer demo-model clean setup-dev

help:
	@echo "make demo    set up, lint and build the example prompts, render the example grids with the demo model"
	@echo "make test    set up and run lint, types, layers and all tests"
	@echo "make check   the same without the slow tests"
	@echo "make format  put the code in shape"
	@echo "make rules   write docs/rules.md again"
	@echo "make bench-infer  compare rendering with diffusers at full size (6 GB of memory, 15 minutes)"
	@echo "make demo-model   train the tiny demo model (some three hours on two cores)"
	@echo "make bench   compare with peers (installs them into .venv-bench)"

demo:
	@scripts/setup_venv.sh infer
	@scripts/demo.sh

test: setup-dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python -m pytest -n 2 --dist loadfile

check: setup-dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python -m pytest -n 2 --dist loadfile -m "not slow"

format: setup-dev
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

rules: setup-dev
	.venv/bin/anima-prompt rule --markdown > docs/rules.md

bench-infer: setup-dev
	.venv/bin/python benchmarks/infer.py --image
	.venv/bin/python benchmarks/grid.py
	.venv/bin/python benchmarks/memory.py

demo-model: setup-dev
	.venv/bin/python scripts/train_demo.py

bench:
	@scripts/setup_bench.sh
	.venv-bench/bin/python benchmarks/parse.py

setup-dev:
	@scripts/setup_venv.sh dev

clean:
	rm -rf .venv .venv-bench .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist out
