"""The vocabulary: tags, characters, series and artists."""

from anima_prompt.vocabulary.lookup import Vocabulary
from anima_prompt.vocabulary.packs import PACKS, Category, Entry, Pack, data_folder, read_pack

__all__ = ["PACKS", "Category", "Entry", "Pack", "Vocabulary", "data_folder", "read_pack"]
