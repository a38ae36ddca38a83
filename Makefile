# The two commands of the README are `make demo` and `make test`; CONTRIBUTING.md shows the same without make.
.PHONY: help demo test check format rules release bench bench-infer demo-model clean setup-dev

help:
	@echo "make demo         install, build and lint the example prompts, render the example grids with the demo model"
	@echo "make test         install the development tools, then run lint, types, layer checks and all tests"
	@echo "make check        the same without the slow tests"
	@echo "make format       fix style and format the code"
	@echo "make rules        regenerate docs/rules.md"
	@echo "make setup-dev    install the development tools into .venv"
	@echo "make release      build the files of a release and check them (uploads nothing)"
	@echo "make bench        compare parsing with other libraries, and time the start (installs into .venv-bench)"
	@echo "make bench-infer  compare rendering with diffusers at full size (6 GB of memory, 15 minutes)"
	@echo "make demo-model   train the demo model (about three hours on two cores)"
	@echo "make clean        delete .venv, .venv-bench, caches and everything that was built"

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
	.venv-bench/bin/python benchmarks/start.py

release: setup-dev
	.venv/bin/python scripts/release.py

setup-dev:
	@scripts/setup_venv.sh dev

clean:
	rm -rf .venv .venv-bench .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist out
