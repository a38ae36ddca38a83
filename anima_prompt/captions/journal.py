"""Write many files so that everything can be undone: a journal first, then each file atomically.

The journal is one file, complete and on the disk before the first caption is touched: path, original bytes, times,
and what the new bytes are. Its name says its state (``NNNN.open``, ``.applied``, ``.undoing``, ``.kept``). After
``kill -9`` at any point, :func:`undo` finds every file either as it was, as it was written, or half written in place,
and restores it with its times. A file that has other bytes was edited by hand: it is listed and left alone.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anima_prompt.atomic import replace_file
from anima_prompt.captions.sets import read_file
from anima_prompt.errors import InputError
from anima_prompt.locks import locked
from anima_prompt.numbers import counted

FOLDER = ".anima-captions"
"""Folder of journals and of the lock, in the data set's folder."""
_LOCK = "lock"
_OPEN, _APPLIED, _UNDOING, _KEPT = ".open.jsonl", ".applied.jsonl", ".undoing.jsonl", ".kept.jsonl"
_TEMPORARY = ".anima-captions."
_VERSION = 1

Checkpoint = Callable[[str], None]
"""Called at every point at which a kill may fall; for tests."""


def _no_checkpoint(point: str) -> None:
    del point


@dataclass(frozen=True, slots=True)
class FileChange:
    """New bytes for a file, and those that it must have until then."""

    path: str
    before: bytes
    after: bytes


@dataclass(slots=True)
class JournalOutcome:
    """What was done.

    Attributes:
        done: files that were written or restored.
        failures: files that were not, one line each with the reason.
        journal: the journal's path, None if nothing was written.
    """

    done: int = 0
    failures: list[str] = field(default_factory=list)
    journal: str | None = None


@dataclass(frozen=True, slots=True)
class _Record:
    """One line of the journal. ``in_place``: the file has several names, which must stay one file."""

    path: str
    before: bytes
    after: bytes
    atime: int
    mtime: int
    in_place: bool

    def line(self) -> str:
        start = _shared(self.before, self.after)
        tail = _shared(self.before[start:][::-1], self.after[start:][::-1])
        middle = self.after[start : len(self.after) - tail].decode("latin-1")
        change = [start, len(self.before) - tail, middle]
        row = [self.path, self.before.decode("latin-1"), change, self.atime, self.mtime, int(self.in_place)]
        return json.dumps(row, separators=(",", ":"))

    @classmethod
    def of(cls, row: list[Any]) -> _Record:
        path, text, (start, end, middle), atime, mtime, in_place = row
        before = text.encode("latin-1")
        after = before[:start] + middle.encode("latin-1") + before[end:]
        return cls(path, before, after, atime, mtime, bool(in_place))


def apply(
    changes: Iterable[FileChange], root: str, *, command: str = "", checkpoint: Checkpoint = _no_checkpoint
) -> JournalOutcome:
    """Write changes below a folder, with a journal.

    Raises:
        InputError: another process has the folder, an earlier run was interrupted, the journal cannot be written, or
        the
            disk is full; the message says what is undone how.
    """
    times = _times(root)
    try:
        with _locked(root):
            return _applied(changes, root, times, command, checkpoint)
    except OSError as error:
        raise InputError(f"{root}: the journal cannot be written ({_reason(error)}); nothing was changed") from None


def _applied(
    changes: Iterable[FileChange], root: str, times: tuple[int, int], command: str, checkpoint: Checkpoint
) -> JournalOutcome:
    folder = Path(root) / FOLDER
    for path in folder.glob("*.part"):
        path.unlink()
    unfinished = [path for path in _journals(root) if path.name.endswith((_OPEN, _UNDOING))]
    if unfinished:
        raise InputError(f"{root}: an earlier run was interrupted; run 'anima-prompt captions undo {root}' first")
    outcome = JournalOutcome()
    number = max((int(path.name[:4]) for path in folder.glob("[0-9][0-9][0-9][0-9].*")), default=0) + 1
    part = folder / f"{number:04}.part"
    count = _write_journal(part, changes, root, times, command, outcome, checkpoint)
    if not count:
        part.unlink()
        return outcome
    journal = folder / f"{number:04}{_OPEN}"
    checkpoint("journal written")
    part.rename(journal)
    _sync_folder(folder)
    checkpoint("journal named")
    _write_all(journal, root, outcome, checkpoint)
    applied = folder / f"{number:04}{_APPLIED}"
    if hasattr(os, "sync"):
        os.sync()
    journal.rename(applied)
    checkpoint("applied")
    outcome.journal = str(applied)
    return outcome


def _write_journal(
    part: Path,
    changes: Iterable[FileChange],
    root: str,
    times: tuple[int, int],
    command: str,
    outcome: JournalOutcome,
    checkpoint: Checkpoint,
) -> int:
    """Write the journal; return how many files it has. Files that cannot be written are failures already."""
    real_root = os.path.realpath(root)
    folders: dict[str, list[int]] = {".": list(times)}
    seen: set[tuple[int, int]] = set()
    count = 0
    with part.open("w", encoding="ascii", newline="\n") as stream:
        stream.write(json.dumps({"version": _VERSION, "created": time.time(), "command": command}) + "\n")
        for change in changes:
            record = _record(change, real_root, seen, outcome)
            if record is None:
                continue
            stream.write(record.line() + "\n")
            count += 1
            parent = os.path.dirname(record.path) or "."  # noqa: PTH120
            if parent not in folders:
                folders[parent] = list(_times(os.path.join(real_root, parent)))  # noqa: PTH118
            if count % 500 == 1:
                checkpoint("journaling")
        stream.write(json.dumps({"end": count, "folders": folders}) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    return count


def _record(change: FileChange, root: str, seen: set[tuple[int, int]], outcome: JournalOutcome) -> _Record | None:
    try:
        target = os.path.realpath(change.path)
        status = os.stat(target)  # noqa: PTH116
        identity = (status.st_dev, status.st_ino)
        if identity in seen and status.st_ino:
            outcome.failures.append(f"{change.path}: is the same file as an earlier one; it was changed there")
            return None
        if os.path.relpath(target, root).startswith(os.pardir):
            outcome.failures.append(f"{change.path}: is a symbolic link that leads out of the folder; not changed")
            return None
        if not status.st_mode & stat.S_IWUSR:
            outcome.failures.append(f"{change.path}: the file is read-only; not changed")
            return None
        if read_file(target) != change.before:
            outcome.failures.append(f"{change.path}: was changed by another program just now; not changed")
            return None
    except (OSError, ValueError) as error:
        outcome.failures.append(f"{change.path}: cannot be changed ({_reason(error)})")
        return None
    seen.add(identity)
    relative = os.path.relpath(target, root)
    several = status.st_nlink > 1
    return _Record(relative, change.before, change.after, status.st_atime_ns, status.st_mtime_ns, several)


def _write_all(journal: Path, root: str, outcome: JournalOutcome, checkpoint: Checkpoint) -> None:
    for number, record in enumerate(_records(journal)):
        path = os.path.join(root, record.path)  # noqa: PTH118
        try:
            if read_file(path) != record.before:
                outcome.failures.append(f"{path}: was changed by another program just now; not changed")
                continue
            _replace(path, record.after, number, in_place=record.in_place, times=None, checkpoint=checkpoint)
            outcome.done += 1
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise InputError(
                    f"{path}: the disk is full; {counted(outcome.done, 'file')} written, the others not; run "
                    f"'anima-prompt captions undo {root}'"
                ) from None
            outcome.failures.append(f"{path}: cannot be written ({_reason(error)}); not changed")


def undo(root: str, *, force: bool = False, checkpoint: Checkpoint = _no_checkpoint) -> JournalOutcome:
    """Restore the files of the newest journal below a folder: bytes and times.

    Args:
        force: also overwrite files that were edited since, and those that an earlier undo left alone.

    Raises:
        InputError: there is nothing to undo, or another process has the folder.
    """
    if not (Path(root) / FOLDER).is_dir():
        above = next((parent for parent in Path(root).absolute().parents if (parent / FOLDER).is_dir()), None)
        where = f"the journal is in {above}" if above else "'captions fix --apply' writes a journal into its folder"
        raise InputError(f"{root}: nothing to undo; {where}")
    try:
        with _locked(root):
            outcome, folders = _undone(root, force=force, checkpoint=checkpoint)
    except OSError as error:
        raise InputError(f"{root}: cannot be undone now ({_reason(error)}); run it again") from None
    _clean(root)
    for folder, (atime, mtime) in folders.items():
        with suppress(OSError):
            os.utime(os.path.join(root, folder), ns=(atime, mtime))  # noqa: PTH118
    return outcome


def _undone(root: str, *, force: bool, checkpoint: Checkpoint) -> tuple[JournalOutcome, dict[str, list[int]]]:
    folder = Path(root) / FOLDER
    for path in folder.glob("*.part"):  # a run that was killed before it touched anything
        path.unlink()
    journals = _journals(root, kept=force)
    if not journals:
        raise InputError(f"{root}: nothing to undo")
    journal = journals[-1]
    undoing = folder / f"{journal.name[:4]}{_UNDOING}"
    if journal != undoing:
        journal.rename(undoing)
    checkpoint("undoing")
    outcome = JournalOutcome()
    _remove_temporary(root, undoing)
    for number, record in enumerate(_records(undoing)):
        _restore(root, record, number, outcome, force=force, checkpoint=checkpoint)
    folders = _footer(undoing).get("folders", {})
    checkpoint("restored")
    if outcome.failures:
        kept = folder / f"{journal.name[:4]}{_KEPT}"
        undoing.rename(kept)
        outcome.journal = str(kept)
    else:
        undoing.unlink()
    checkpoint("undone")
    return outcome, folders


def _restore(
    root: str, record: _Record, number: int, outcome: JournalOutcome, *, force: bool, checkpoint: Checkpoint
) -> None:
    path = os.path.join(root, record.path)  # noqa: PTH118
    times = (record.atime, record.mtime)
    try:
        current = _current(path)
        if current == record.before:
            os.utime(path, ns=times)
            outcome.done += 1
        elif current == record.after or (record.in_place and _is_torn(current, record)) or force:
            _replace(path, record.before, number, in_place=record.in_place, times=times, checkpoint=checkpoint)
            outcome.done += 1
        elif current is None:
            outcome.failures.append(f"{path}: was deleted since; --force restores it")
        else:
            outcome.failures.append(f"{path}: was edited since; left as it is, --force restores the old text")
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        outcome.failures.append(f"{path}: cannot be restored ({_reason(error)})")


def _current(path: str) -> bytes | None:
    try:
        return read_file(path)
    except FileNotFoundError:
        return None


def _is_torn(current: bytes | None, record: _Record) -> bool:
    """Return whether the bytes are a mixture that a killed write in place leaves."""
    if current is None:
        return False
    for new, old in ((record.after, record.before), (record.before, record.after)):
        length = _shared(current, new)
        if current[length:] in (b"", old[length:]):
            return True
    return False


def _replace(
    path: str, data: bytes, number: int, *, in_place: bool, times: tuple[int, int] | None, checkpoint: Checkpoint
) -> None:
    """Write a file: a temporary file that replaces it, or in place for a file with several names."""
    if in_place and os.path.exists(path):  # noqa: PTH110
        with open(path, "r+b", buffering=0) as stream:  # noqa: PTH123
            checkpoint("in place")
            stream.write(data[: len(data) // 2])
            checkpoint("half in place")
            stream.write(data[len(data) // 2 :])
            checkpoint("before truncation")
            stream.truncate()
        if times is not None:
            os.utime(path, ns=times)
        return
    folder = os.path.dirname(path)  # noqa: PTH120
    temporary = os.path.join(folder, f"{_TEMPORARY}{number}.part")  # noqa: PTH118
    try:
        with open(temporary, "wb", buffering=0) as stream:  # noqa: PTH123
            checkpoint("temporary opened")
            stream.write(data)
        _copy_mode(path, temporary)
        if times is not None:
            os.utime(temporary, ns=times)
        checkpoint("temporary written")
        replace_file(Path(temporary), Path(path))
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise
    checkpoint("replaced")


def _copy_mode(path: str, temporary: str) -> None:
    try:
        old = os.stat(path)  # noqa: PTH116
    except FileNotFoundError:
        return
    if hasattr(os, "chown") and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
        with suppress(OSError):
            os.chown(temporary, old.st_uid, old.st_gid)
    os.chmod(temporary, stat.S_IMODE(old.st_mode))  # noqa: PTH101


def _remove_temporary(root: str, journal: Path) -> None:
    """Delete temporary files that a killed run left."""
    for folder in _footer(journal).get("folders", {}):
        with suppress(OSError):
            for entry in os.scandir(os.path.join(root, folder)):  # noqa: PTH118
                if entry.name.startswith(_TEMPORARY) and entry.name.endswith(".part"):
                    os.unlink(entry.path)  # noqa: PTH108


def _journals(root: str, *, kept: bool = False) -> list[Path]:
    """Return the journals that can be undone, the newest last."""
    endings = (_OPEN, _APPLIED, _UNDOING, *((_KEPT,) if kept else ()))
    return sorted(path for path in (Path(root) / FOLDER).glob("[0-9]*.jsonl") if path.name.endswith(endings))


def _records(journal: Path) -> Iterator[_Record]:
    with journal.open(encoding="ascii") as stream:
        for line in stream:
            row = json.loads(line)
            if isinstance(row, list):
                yield _Record.of(row)


def _footer(journal: Path) -> dict[str, Any]:
    with journal.open("rb") as stream:
        stream.seek(0, os.SEEK_END)
        size, block = stream.tell(), b""
        while size and block.strip().count(b"\n") < 1:
            step = min(size, 1 << 16)
            size -= step
            stream.seek(size)
            block = stream.read(step) + block
    return dict(json.loads(block.strip().rsplit(b"\n", 1)[-1]))


def _times(path: str) -> tuple[int, int]:
    status = os.stat(path)  # noqa: PTH116
    return status.st_atime_ns, status.st_mtime_ns


@contextmanager
def _locked(root: str) -> Iterator[None]:
    """Keep the lock of a folder, and those of the folders above it that have one."""
    own = Path(root) / FOLDER
    own.mkdir(exist_ok=True)
    above = [parent / FOLDER for parent in Path(root).absolute().parents if (parent / FOLDER).is_dir()]
    with ExitStack() as stack:
        for folder in (own, *above):
            stack.enter_context(locked(folder / _LOCK))
        yield


def _clean(root: str) -> None:
    """Remove the folder of journals if nothing is left in it."""
    folder = Path(root) / FOLDER
    with suppress(OSError):
        if [path.name for path in folder.iterdir()] in ([_LOCK], []):
            (folder / _LOCK).unlink(missing_ok=True)
            folder.rmdir()


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _shared(first: bytes, second: bytes) -> int:
    """Return how many bytes both share at the start."""
    low, high = 0, min(len(first), len(second))
    if first[:high] == second[:high]:
        return high
    while low < high:
        middle = (low + high + 1) // 2
        if first[:middle] == second[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _reason(error: OSError | ValueError) -> str:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return reason[:1].lower() + reason[1:]
