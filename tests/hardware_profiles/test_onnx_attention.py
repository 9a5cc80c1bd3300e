"""Attention is exported exactly, in every form that a mixer may ask for."""

import numpy as np
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hardware_profiles.onnx.export import export_onnx

LENGTH, WIDTH = 6, 8
MASK = torch.rand(LENGTH, LENGTH, generator=torch.Generator().manual_seed(0)) < 0.6
MASK.fill_diagonal_(True)
FORMS = {
    "plain": {},
    "causal": {"is_causal": True},
    "scaled": {"scale": 0.7},
    "boolean mask": {"attn_mask": MASK},
    "additive mask": {"attn_mask": torch.randn(LENGTH, LENGTH, generator=torch.Generator().manual_seed(1))},
}


class Attention(nn.Module):
    def __init__(self, options):
        super().__init__()
        self.options = {k: v for k, v in options.items() if k != "attn_mask"}
        self.register_buffer("mask", options.get("attn_mask"))

    def forward(self, x_BLD):
        q, k, v = (x_BLD.unflatten(-1, (2, WIDTH)).transpose(1, 2) * s for s in (1.0, -0.5, 2.0))
        return F.scaled_dot_product_attention(q, k, v, attn_mask=self.mask, **self.options)


@pytest.mark.parametrize("form", FORMS)
def test_export_equals_torch_in_few_nodes(form):
    module = Attention(FORMS[form]).eval()
    x = torch.randn(3, LENGTH, 2 * WIDTH, generator=torch.Generator().manual_seed(2))
    model = export_onnx(module, x[:1])
    operators = [node.op_type for node in model.graph.node]
    assert operators.count("MatMul") == 2
    assert not {"Shape", "Slice", "Concat"} & set(operators)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for batch in (x[:1], x):
        (got,) = session.run(None, {"batch": batch.numpy()})
        np.testing.assert_allclose(got, module(batch).numpy(), rtol=1e-4, atol=1e-6)
