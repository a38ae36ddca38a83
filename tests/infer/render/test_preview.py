"""Facts about previews."""

from __future__ import annotations

import numpy as np
import torch

from anima_infer.model.vae import decode_each
from anima_infer.models import Models
from anima_infer.render.preview import Preview


def test_a_preview_is_like_the_image(models: Models) -> None:
    noise = torch.randn(1, 16, 12, 12, generator=torch.Generator().manual_seed(1))
    z = torch.nn.functional.avg_pool2d(noise, 3, 1, 1) * 2
    small = Preview(models.vae).pixels(z[0])
    whole = torch.nn.functional.avg_pool2d(decode_each(models.vae, z)[0], 8)
    likeness = np.corrcoef(small.flatten().numpy(), whole.flatten().numpy())[0, 1]
    assert small.shape == whole.shape
    assert likeness > 0.3, likeness
