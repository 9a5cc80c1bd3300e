"""Whether a space holds a checkpoint's network, and its weights' way into the supernet."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from search_space import SearchSpace
from search_space.errors import ConfigError
from supernet.model import Supernet
from supernet.pretrained._family import Form, Weights

__all__ = ["check_space", "copy_weights"]

TokenRows = Sequence[int]
_OTHER = "choose another task, or another checkpoint"
logger = logging.getLogger("nasweave.supernet")


def check_space(space: SearchSpace, form: Form, *, token_rows: TokenRows | None = None) -> None:
    """Raise ``ConfigError``, naming the setting to change, unless the space's largest network has this form.

    Parameters
    ----------
    token_rows
        For each id of the task, its row in the checkpoint's embedding, -1 where it has none; ``None`` for the same ids.
    """
    _check_tokens(space, form, token_rows)
    for setting, needed, found, remedy in _differences(space, form):
        raise ConfigError(setting, expected=f"{needed}, as in the checkpoint", got=str(found), remedy=remedy)
    layers = space.largest.layers
    for gene, needed in (("mixer", form.mixer), ("channel_mixer", form.channel_mixer)):
        for larger in (getattr(layer, gene) for layer in layers):
            if larger != needed:
                raise ConfigError(
                    f"space.{gene}",
                    expected=f"none larger than {needed}, for the checkpoint becomes the largest network",
                    got=larger,
                    remedy=f"remove {larger}, or set space.largest=[{form.mixer}, {form.channel_mixer}]",
                )


def _check_tokens(space: SearchSpace, form: Form, rows: TokenRows | None) -> None:
    """Raise ``ConfigError`` unless the checkpoint has an embedding of every id."""
    found = space.geometry.task.vocab_size
    if rows is not None and max(rows) >= form.vocab_size:
        raise ConfigError(
            "task.options.tokenizer",
            expected=f"at most {form.vocab_size:,} ids, as many as the checkpoint's embedding has rows",
            got=f"a tokenizer of {max(rows) + 1:,}",
            remedy="choose that of the checkpoint",
        )
    if rows is None and form.padding:
        raise ConfigError(
            "task.options.tokenizer",
            expected=f"the checkpoint's own, for its id of padding is {form.padding} and ours is 0",
            got="none",
            remedy="choose a task of texts, and the tokenizer.json of the checkpoint",
        )
    if rows is None and found != form.vocab_size:
        raise ConfigError(
            "task",
            expected=f"a vocabulary of {form.vocab_size} ids, as in the checkpoint",
            got=str(found),
            remedy=_OTHER,
        )


def _differences(space: SearchSpace, form: Form) -> Iterator[tuple[str, str, object, str]]:
    """Yield setting, need, finding and remedy of each difference."""
    task, norm = space.geometry.task, space.geometry.norm
    sizes: tuple[tuple[str, int | float, int | float], ...] = (
        ("embed_dim", form.embed_dim, max(space.embed_dim)),
        ("depth", form.depth, max(space.depth)),
        ("num_heads", form.num_heads, max(space.num_heads)),
        ("ratio", form.hidden_dim / form.embed_dim, max(space.ratio)),
    )
    for name, needed, largest in sizes:
        if abs(needed - largest) > 1e-6 * needed:
            yield (
                f"space.{name}",
                f"{needed:.12g} as its largest choice",
                largest,
                f"set space.{name}=[..., {needed:.12g}]",
            )
    for name, block, blocks in (
        ("mixer", form.mixer, space.mixer),
        ("channel_mixer", form.channel_mixer, space.channel_mixer),
    ):
        if block not in blocks:
            yield f"space.{name}", f"{block} among its choices", ", ".join(blocks), f"add {block} to space.{name}"
    equal: list[tuple[str, object, object]] = [
        ("head_dim", form.head_dim, space.geometry.head_dim),
        ("stem", form.stem, task.stem),
        *((f"norm.{name}", getattr(form.norm, name), getattr(norm, name)) for name in ("kind", "eps", "position")),
    ]
    needed_options = [*form.options.items(), *((h, own) for h, own in form.head_options.items() if h == task.head)]
    for block, constants in needed_options:
        own = space.geometry.options[block]
        equal += [(f"options.{block}.{name}", value, own[name]) for name, value in constants.items()]
    kv_heads = space.geometry.options.get(form.mixer, {}).get("kv_heads", "all")
    choices = kv_heads if isinstance(kv_heads, tuple) else (kv_heads,)
    needed_heads = form.kv_heads or form.num_heads
    if max(form.num_heads if n == "all" else int(n) for n in choices) != needed_heads:
        needed_text = "all" if needed_heads == form.num_heads else str(needed_heads)
        where = f"space.options.{form.mixer}.kv_heads"
        yield where, f"{needed_text} as its largest choice", kv_heads, f"set {where} to it, or to a list up to it"
    if task.head not in form.heads:
        yield (
            "space.head",
            " or ".join(form.heads),
            task.head,
            f"set space.head: {form.heads[0]} in the space's declaration",
        )
    for name, value, found in equal:
        if value != found:
            yield f"space.{name}", str(value), found, f"set space.{name}: {value} in the space's declaration"
    if task.causal != form.causal:
        kinds = {True: "a task whose tokens see the past alone", False: "a task whose tokens see each other"}
        yield "task", kinds[form.causal], kinds[task.causal], _OTHER
    if form.input_shape is not None and task.input_shape != form.input_shape:
        yield "task", f"inputs of shape {form.input_shape}", task.input_shape, _OTHER
    if form.input_shape is not None and task.seq_len != form.max_tokens:
        yield "task", f"{form.max_tokens} tokens", task.seq_len, "set task.options.patch_size to the checkpoint's"
    if form.max_tokens is not None and task.seq_len > form.max_tokens:
        yield "task", f"at most {form.max_tokens} tokens", task.seq_len, "set a shorter length in task.options"


def copy_weights(
    supernet: Supernet, weights: Weights, form: Form, *, token_rows: TokenRows | None = None, told: bool = False
) -> None:
    """Copy the weights into the supernet's largest sizes; positions that the task has no place for are left out.

    The rows of the embedding are those of ``token_rows``, of ids of our own zeros; without it all rows as they are.

    A last layer that the checkpoint lacks, or has for another number of outputs, keeps its random weights, with a
    warning unless it was ``told`` before.
    """
    parameters = dict(supernet.body.named_parameters(remove_duplicate=False))
    task = supernet.space.geometry.task
    head, outputs = dict(weights.heads[task.head]), task.num_outputs
    stored = head.get("project.weight")
    if stored is None or len(stored) != outputs:
        what = "has no last layer" if stored is None else f"gives {len(stored)} outputs"
        if not told:
            logger.warning("init: the checkpoint %s, the task has %d: its last layer starts random", what, outputs)
        head = {name: tensor for name, tensor in head.items() if not name.startswith("project.")}
    with torch.no_grad():
        for name, tensor in _by_parameter(weights, head, form):
            parameter: Tensor = parameters[name]
            if name == "stem.embedding" and token_rows is not None:
                tensor = _rows_of(tensor, token_rows)
            if ".projections." in name:  # another mixer of the layer may have more heads of keys
                parameter = parameter[: len(tensor)]
            parameter.copy_(tensor[: len(parameter)] if name == "stem.position" else tensor)


def _rows_of(table: Tensor, rows: TokenRows) -> Tensor:
    """Return some rows of a table, zeros for -1."""
    numbers = torch.tensor(rows)
    return table[numbers.clamp(min=0)] * (numbers >= 0)[:, None]


def _by_parameter(weights: Weights, head: Mapping[str, Tensor], form: Form) -> Iterator[tuple[str, Tensor]]:
    yield from ((f"stem.{name}", tensor) for name, tensor in weights.stem.items())
    for i, layer in enumerate(weights.layers):
        mixer, channel = f"mixer_blocks.{i}", f"channel_blocks.{i}"
        places = {
            "mixer_norm": f"{mixer}.norm",
            "channel_norm": f"{channel}.norm",
            **{name: f"{mixer}.projections.{name}" for name in ("q", "k", "v", "out")},
            **{name: f"{channel}.mixers.{form.channel_mixer}.{name}" for name in ("up", "gate", "down")},
        }
        for name, tensor in layer.items():
            part, _, kind = name.partition(".")
            yield f"{places[part]}.{kind}", tensor
    yield from ((f"head.{name}", tensor) for name, tensor in head.items())
