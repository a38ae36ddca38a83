"""Windows as far as Linux can play it: import this first, and the process lives by Windows' rules.

POSIX-only modules and functions are gone, files that are open can be neither replaced nor deleted, and names that
Windows does not take cannot be opened or made.
"""

from __future__ import annotations

import errno
import ntpath
import os
import signal
import sys
from pathlib import Path
from typing import Any

MODULES = ("fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty")
FUNCTIONS = (
    *("chown", "fchmod", "fchown", "fork", "forkpty", "getegid", "geteuid", "getgid", "getuid", "killpg", "lchown"),
    *("mkfifo", "nice", "pread", "pwrite", "preadv", "pwritev", "sched_getaffinity", "sendfile", "setsid", "statvfs"),
    *("sync", "sysconf", "uname", "wait3", "wait4"),
)
SIGNALS = ("SIGALRM", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGUSR1", "SIGUSR2", "alarm", "setitimer")
_DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{name}{n}" for name in ("COM", "LPT") for n in range(1, 10))}
_SYSTEM = ("/dev/", "/proc/", "/sys/", sys.prefix, sys.base_prefix)


def _is_ours(path: Any) -> bool:
    return isinstance(path, str | bytes | os.PathLike) and not os.fspath(os.fsdecode(path)).startswith(_SYSTEM)


def _check_name(path: Any) -> None:
    for part in Path(os.fsdecode(path)).parts[1:]:
        bad = any(char in '<>:"|?*\\' or ord(char) < 32 for char in part) or part[-1] in ". "
        if (bad and part not in (".", "..")) or ntpath.splitext(part)[0].upper() in _DEVICES:
            raise OSError(errno.EINVAL, "the filename, directory name, or volume label syntax is incorrect", part)


def _check_closed(path: Any) -> None:
    try:
        wanted = os.stat(path)  # noqa: PTH116
    except OSError:
        return
    for entry in Path("/proc/self/fd").iterdir():
        try:
            status = os.fstat(int(entry.name))
        except OSError:
            continue
        if (status.st_dev, status.st_ino) == (wanted.st_dev, wanted.st_ino):
            raise PermissionError(errno.EACCES, "it is being used by another process", os.fsdecode(path))


def _judge(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("open", "os.mkdir", "os.remove", "os.rename", "sqlite3.connect") and _is_ours(arguments[0]):
        if event == "sqlite3.connect" and str(arguments[0]).startswith((":", "file:")):
            return
        _check_name(arguments[0])
        if event == "os.rename":
            _check_name(arguments[1])
            _check_closed(arguments[1])
        if event in ("os.remove", "os.rename"):
            _check_closed(arguments[0])


def live_by_windows_rules() -> None:
    """Change this process for good."""
    for name in MODULES:
        sys.modules[name] = None  # type: ignore[assignment]
    for module, names in ((os, FUNCTIONS), (signal, SIGNALS)):
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    sys.addaudithook(_judge)
