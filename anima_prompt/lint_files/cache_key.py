"""Keys of cached results: digests of the content of everything that a result depends on.

No key contains a time stamp of a file that people edit: two edits within one tick of the clock, or a copied time stamp,
must not bring back an old result. Reading all of it takes some milliseconds per run.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from anima_prompt import __version__
from anima_prompt.lint.config import Config
from anima_prompt.lint.document import Document
from anima_prompt.lint.plugins import plugin_sources
from anima_prompt.lint.rule import Rule
from anima_prompt.profiles import Profile, load_profile
from anima_prompt.vocabulary.packs import data_folder
from anima_prompt.vocabulary.user_store import UserStore

_PACKAGE = Path(__file__).resolve().parent.parent
_CODE = (".py", ".yaml")
_DATA = ("tags", "artists")


def result_key(document: Document, config: Config, rules: Iterable[Rule]) -> bytes:
    """Return the key of a document's diagnostics, from all inputs at once.

    Many documents share what :func:`setup_digest` covers; a caller with many computes that part once.

    Raises:
        ProfileError, PromptFileError: the document's profile cannot be loaded.
    """
    return document_key(setup_digest(config, rules), document, load_profile(document.profile))


def document_key(setup: bytes, document: Document, profile: Profile) -> bytes:
    """Return the key of a document's diagnostics: texts, role, dialect, settings, content of its profile."""
    content = f"{document!r}\0{profile!r}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(setup + content, digest_size=16).digest()


def setup_digest(config: Config, rules: Iterable[Rule]) -> bytes:
    """Return a digest of what all documents share: code, plug-ins, configuration, rules and vocabulary."""
    digest = hashlib.blake2b(digest_size=16)
    for part in (
        (__version__, sys.version_info[:2]),
        plugin_sources(),
        _plain(config),
        [_rule_state(rule) for rule in rules],
    ):
        digest.update(f"{part!r}\0".encode("utf-8", "surrogatepass"))
    _add_contents(digest, (path for path in _PACKAGE.rglob("*") if path.suffix in _CODE), _PACKAGE)
    data = data_folder()
    _add_contents(digest, (path for part in _DATA for path in (data / part).rglob("*")), data)
    _add_user_store(digest, UserStore.default())
    return digest.digest()


def _add_contents(digest: Any, files: Iterable[Path], folder: Path) -> None:
    """Add the names and contents of files; a file that cannot be read is added as missing."""
    for path in sorted(files):
        if not path.is_file():
            continue
        try:
            content = path.read_bytes()
        except OSError:
            content = b"\0unreadable"
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode("utf-8", "surrogatepass"))
        digest.update(content)


def _add_user_store(digest: Any, store: UserStore) -> None:
    """Add the user's lists, and the state of the databases made of them, each version of which is a new file."""
    _add_contents(digest, (*store.imports(), *store.overlays(), *store.implications()), store.folder)
    for path in (store.store, store.learned):
        try:
            status = path.stat()
        except OSError:
            digest.update(b"\0missing")
            continue
        state = (path.name, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        digest.update(repr(state).encode())


def _rule_state(rule: Rule) -> tuple[Any, ...]:
    """Return what a rule does, as plain values: the code of a function is covered by the digest of its files."""
    return tuple(_plain(getattr(rule, field.name)) for field in fields(rule) if field.name not in ("bad", "good"))


def _plain(value: Any) -> Any:
    """Return a value whose text is the same in every process: sets sorted, functions by name."""
    if isinstance(value, frozenset | set):
        return sorted(map(str, value))
    if isinstance(value, dict):
        return [(_plain(key), _plain(item)) for key, item in value.items()]
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__name__, *((f.name, _plain(getattr(value, f.name))) for f in fields(value))]
    if callable(value):
        name = getattr(value, "__qualname__", type(value).__qualname__)
        return f"{getattr(value, '__module__', '')}.{name}"
    return value
