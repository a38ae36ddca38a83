"""The demo model ``anima-tiny``: its drawings, their captions, its training, and a judge of what it draws.

Every part has the real architecture at a small size and is exported with the release's names, so that the same code
loads it. ``scripts/train_demo.py`` runs the stages; each resumes from its last state.
"""

from anima_infer.demo.autoencoder import (
    EncodeDecode,
    compiled_vae,
    encode_images,
    new_vae,
    normalize_latents,
    polish_decoder,
    train_vae,
)
from anima_infer.demo.data import draw_images, latent_weights, random_scenes, sampling_weights
from anima_infer.demo.files import export, release_layout
from anima_infer.demo.sizes import QWEN_VOCABULARY, T5_VOCABULARY, Compiler, Log, Precision
from anima_infer.demo.tokenizers import write_tokenizers
from anima_infer.demo.trunk import Trunk, new_trunk, train_trunk

__all__ = [
    "QWEN_VOCABULARY",
    "T5_VOCABULARY",
    "Compiler",
    "EncodeDecode",
    "Log",
    "Precision",
    "Trunk",
    "compiled_vae",
    "draw_images",
    "encode_images",
    "export",
    "latent_weights",
    "new_trunk",
    "new_vae",
    "normalize_latents",
    "polish_decoder",
    "random_scenes",
    "release_layout",
    "sampling_weights",
    "train_trunk",
    "train_vae",
    "write_tokenizers",
]
