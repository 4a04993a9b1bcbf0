"""The kernels' matrix products are the same by both libraries."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.backends import mkldnn

from codling.fold.product import _pieces, affine, grad_of_inputs, grad_of_weight

pytestmark = pytest.mark.filterwarnings("ignore:TF32")  # of PyTorch's own switch
SIZES = (0, 1, 7, 64, 65, 300, 511, 513, 1300, 3001)


@pytest.mark.parametrize("onednn", [True, False])
@pytest.mark.parametrize("num", SIZES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_as_in_double_precision(num: int, dtype: torch.dtype, onednn: bool) -> None:
    torch.manual_seed(num)
    x, weight, bias = torch.randn(num, 60, dtype=dtype), torch.randn(50, 60, dtype=dtype), torch.randn(50, dtype=dtype)
    grad = torch.randn(num, 50, dtype=dtype)
    near = {"rtol": 1e-5, "atol": 2e-4} if dtype is torch.float32 else {"rtol": 1e-12, "atol": 1e-12}
    with mkldnn.flags(enabled=onednn):
        for b in (bias, None):
            out = torch.full((num, 50), float("nan"), dtype=dtype)
            for rows, product in affine(x, weight, b, out=out):
                out[rows] = product
            expected = x.double() @ weight.double().t() + (bias.double() if b is not None else 0)
            torch.testing.assert_close(out.double(), expected, **near)
        to_inputs, to_weight = grad_of_inputs(grad, weight), grad_of_weight(grad, x)
    torch.testing.assert_close(to_inputs.double(), grad.double() @ weight.double(), **near)
    torch.testing.assert_close(to_weight.double(), grad.double().t() @ x.double(), **near)


@given(st.integers(0, 20_000))
def test_pieces_cover_all_rows_in_order(num: int) -> None:
    pieces = list(_pieces(num))
    assert [row for piece in pieces for row in range(num)[piece]] == list(range(num))


def test_piece_sizes_come_back() -> None:
    sizes = {piece.stop - piece.start for num in range(10_000) for piece in _pieces(num)}
    assert len(sizes) < 100
