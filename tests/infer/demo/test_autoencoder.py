"""Facts about the demo model's VAE."""

from __future__ import annotations

from functools import partial

import torch

from anima_infer import demo
from tests.infer.demo.compilers import deaf, refused
from tests.infer.tiny import source


def wrap_text(part: demo.Compiler) -> demo.Compiler:
    return partial(part)


def test_the_vae_is_compiled_only_if_it_learns_the_same() -> None:
    vae = demo.new_vae()
    x = torch.rand(2, 3, 64, 64, generator=source()) * 2 - 1
    (encode, _), reason = demo.compiled_vae(vae, x, wrap_text)
    assert reason == ""
    assert encode is not vae.encoder
    assert torch.equal(encode(x), vae.encoder(x))
    for compiler, why in ((deaf, "compiled gradients are wrong"), (refused, "no compiler found")):
        (encode, _), reason = demo.compiled_vae(vae, x, compiler)
        assert why in reason
        assert encode is vae.encoder


def test_normalized_latents_change_no_image() -> None:
    vae = demo.new_vae()
    data = demo.draw_images(demo.random_scenes(48, 3), 3, workers=1)
    x = data[:4].float() / 127.5 - 1

    def through() -> torch.Tensor:
        with torch.inference_mode():
            moments = vae.conv1(vae.encoder(x))[:, :16]
            return vae.decoder.finish(vae.decoder.start(vae.conv2(moments)))

    before = through()
    demo.normalize_latents(vae, data)
    torch.testing.assert_close(through(), before, atol=2e-3, rtol=1e-3)
    latents = demo.encode_images(vae, data).float()
    torch.testing.assert_close(latents.mean((0, 2, 3)), torch.zeros(16), atol=0.02, rtol=0)
    torch.testing.assert_close(latents.std((0, 2, 3)), torch.ones(16), atol=0.03, rtol=0)
