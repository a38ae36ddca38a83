"""Keep the tests away from the vocabulary of the person who runs them."""

import os
import tempfile

os.environ["ANIMA_PROMPT_DATA"] = tempfile.mkdtemp(prefix="anima-prompt-tests-")
