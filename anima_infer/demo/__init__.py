"""Training of the demo model ``anima-tiny``: its tokenizers, its VAE, and text encoder, adapter and DiT together.

Every part is the real architecture with small sizes, exported in the release's key layout, so that it loads by the same
code. ``scripts/train_demo.py`` runs the stages; each goes on from its last state.
"""

from anima_infer.demo.autoencoder import (
    Ways,
    compiled_vae,
    encoded,
    new_vae,
    normalize_latents,
    polish_decoder,
    train_vae,
)
from anima_infer.demo.data import images, odds, scenes, weights
from anima_infer.demo.files import export, release_layout
from anima_infer.demo.sizes import QWEN_VOCABULARY, T5_VOCABULARY, Compiler, Precision, Say
from anima_infer.demo.tokenizers import write_tokenizers
from anima_infer.demo.trunk import Trunk, new_trunk, train_trunk

__all__ = [
    "QWEN_VOCABULARY",
    "T5_VOCABULARY",
    "Compiler",
    "Precision",
    "Say",
    "Trunk",
    "Ways",
    "compiled_vae",
    "encoded",
    "export",
    "images",
    "new_trunk",
    "new_vae",
    "normalize_latents",
    "odds",
    "polish_decoder",
    "release_layout",
    "scenes",
    "train_trunk",
    "train_vae",
    "weights",
    "write_tokenizers",
]
