"""Names of the weights of DiT and VAE in diffusers 0.42."""

from __future__ import annotations

_DIT_RENAMES = (
    ("t_embedder.1", "time_embed.t_embedder"),
    ("t_embedding_norm", "time_embed.norm"),
    ("blocks", "transformer_blocks"),
    *(
        (f"adaln_modulation_{branch}.{i}", f"norm{n}.linear_{i}")
        for n, branch in ((1, "self_attn"), (2, "cross_attn"), (3, "mlp"))
        for i in (1, 2)
    ),
    ("self_attn", "attn1"),
    ("cross_attn", "attn2"),
    *((f"{letter}_proj", f"to_{letter}") for letter in "qkv"),
    ("output_proj", "to_out.0"),
    ("q_norm", "norm_q"),
    ("k_norm", "norm_k"),
    ("mlp.layer1", "ff.net.0.proj"),
    ("mlp.layer2", "ff.net.2"),
    ("x_embedder.proj.1", "patch_embed.proj"),
    ("final_layer.adaln_modulation.1", "norm_out.linear_1"),
    ("final_layer.adaln_modulation.2", "norm_out.linear_2"),
    ("final_layer.linear", "proj_out"),
)


def diffusers_dit_name(name: str) -> str:
    """Return the name that diffusers gives a weight of the DiT.

    >>> diffusers_dit_name("blocks.3.adaln_modulation_mlp.2.weight")
    'transformer_blocks.3.norm3.linear_2.weight'
    """
    for release, diffusers in _DIT_RENAMES:
        name = name.replace(release, diffusers)
    return name


_VAE_RENAMES = (
    ("residual.0.", "norm1."),
    ("residual.2.", "conv1."),
    ("residual.3.", "norm2."),
    ("residual.6.", "conv2."),
    ("shortcut.", "conv_shortcut."),
    ("middle.0.", "mid_block.resnets.0."),
    ("middle.1.", "mid_block.attentions.0."),
    ("middle.2.", "mid_block.resnets.1."),
    ("head.0.", "norm_out."),
    ("head.2.", "conv_out."),
)


def diffusers_vae_name(name: str) -> str:
    """Return the name that diffusers gives a weight of the VAE.

    >>> diffusers_vae_name("decoder.upsamples.3.resample.1.weight")
    'decoder.up_blocks.0.upsamplers.0.resample.1.weight'
    """
    root, _, rest = name.partition(".")
    if root in ("conv1", "conv2"):
        return f"{'quant_conv' if root == 'conv1' else 'post_quant_conv'}.{rest}"
    for release, diffusers in _VAE_RENAMES:
        if rest.startswith(release) or release.startswith(("residual", "shortcut")):
            rest = rest.replace(release, diffusers)
    if rest.startswith("conv1."):
        rest = "conv_in." + rest.removeprefix("conv1.")
    if rest.startswith("downsamples."):
        rest = "down_blocks." + rest.removeprefix("downsamples.")
    if rest.startswith("upsamples."):
        _, index, tail = rest.split(".", 2)
        level, position = divmod(int(index), 4)
        layer = "upsamplers.0" if position == 3 else f"resnets.{position}"
        rest = f"up_blocks.{level}.{layer}.{tail}"
    return f"{root}.{rest}"
