"""Keep the tests away from the vocabulary of the person who runs them."""

import atexit
import os
import shutil
import tempfile

_FOLDER = tempfile.mkdtemp(prefix="anima-prompt-tests-")
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
os.environ["ANIMA_PROMPT_DATA"] = _FOLDER
