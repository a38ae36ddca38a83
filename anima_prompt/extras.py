"""The optional packages: which extra contains which, and what to tell a user whose import failed."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType

from anima_prompt.errors import PackageError

EXTRAS = {
    "": ("click", "filelock", "jinja2", "PIL", "pathspec", "platformdirs", "rapidfuzz", "rich", "yaml"),
    "tables": ("pandas",),
    "tokens": ("tokenizers",),
    "tagger": ("onnxruntime",),
    "infer": ("huggingface_hub", "numpy", "safetensors", "scipy", "torch", "torchsde", "transformers"),
}
"""Import names of the packages in ``pyproject.toml``, by extra; ``""`` are the ones that are always installed."""


def package_error(error: ImportError) -> PackageError:
    """Return what to tell the user: which extra is not installed, or which installed package is broken.

    A package is missing only if it itself was not found. Where a package of an extra is there and fails to import
    something else, it is broken, and installing the extra again would change nothing.

    Raises:
        ImportError: ``error`` itself, if one of our own modules is at fault.

    >>> print(package_error(ModuleNotFoundError("No module named 'torch'", name="torch")))
    the package torch is missing; run: pip install ".[infer]" in the project folder
    """
    name = error.name or ""
    if name.partition(".")[0] in ("anima_prompt", "anima_infer"):
        raise error
    extra = next((extra for extra, packages in EXTRAS.items() if name in packages), None)
    if isinstance(error, ModuleNotFoundError) and extra is not None:
        target = f".[{extra}]" if extra else "."
        return PackageError(f'the package {name} is missing; run: pip install "{target}" in the project folder')
    reason = " ".join(str(error).split())
    broken = _importing_package(error.__traceback__) or name.partition(".")[0] or "a package"
    if isinstance(error, ModuleNotFoundError) and broken == name:
        return PackageError(f"the package {name} is missing ({reason}); install it")
    return PackageError(f"{broken} is installed but cannot be imported ({reason}); reinstall it")


def _importing_package(traceback: TracebackType | None) -> str:
    """Return the first package of :data:`EXTRAS` on the way to the error; empty if there is none."""
    known = {package for packages in EXTRAS.values() for package in packages} - {"click"}  # click calls every command
    return next((package for package in _packages_on_the_way(traceback) if package in known), "")


def _packages_on_the_way(traceback: TracebackType | None) -> Iterator[str]:
    while traceback is not None:
        yield str(traceback.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
        traceback = traceback.tb_next
