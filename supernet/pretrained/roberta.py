"""RoBERTa: a post-norm encoder of text as BERT, whose positions begin behind the id of padding.

Its own head has the form of BERT's pooler.

Paper: Liu et al. 2019, RoBERTa: A Robustly Optimized BERT Pretraining Approach.
"""

from __future__ import annotations

from supernet.pretrained._family import Family, Form, Weights
from supernet.pretrained._source import Settings, Tensors
from supernet.pretrained.bert import encoder_form, encoder_weights


def form(settings: Settings) -> Form:
    """Read the sizes; relative positions and decoders are refused."""
    padding = settings.size("pad_token_id", 1, least=0)
    positions = settings.size("max_position_embeddings", least=padding + 2)
    return encoder_form(settings, padding=padding, positions=positions - padding - 1)


def weights(tensors: Tensors, form: Form) -> Weights:
    """Leave out the positions up to padding's, which no token has."""
    tensors, pooler = tensors.without("roberta."), {}
    if "classifier.dense.weight" in tensors:
        pooler = tensors.linear("pool", "classifier.dense", form.embed_dim, form.embed_dim)
        pooler |= tensors.classifier("classifier.out_proj", form.embed_dim)
    return encoder_weights(tensors, form, pooler=pooler, skipped=form.padding + 1)


FAMILY = Family(form=form, weights=weights)
