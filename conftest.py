"""Keep the tests away from the vocabulary of the person who runs them, and from PyTorch where it is not installed."""

import atexit
import os
import shutil
import tempfile
from importlib.util import find_spec

_FOLDER = tempfile.mkdtemp(prefix="anima-prompt-tests-")
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
os.environ["ANIMA_PROMPT_DATA"] = _FOLDER

if find_spec("torch") is None:  # the extra test is installed instead of dev
    collect_ignore_glob = ["anima_infer/*", "tests/infer", "tests/infer/*", "tests/cli/test_tokens.py"]
