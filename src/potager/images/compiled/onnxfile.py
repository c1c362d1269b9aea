"""A forest as an ONNX model: one operator, `TreeEnsemble` of ai.onnx.ml 5, written without a protobuf library.

    ModelProto { ir_version = 1, graph = 7, opset_import = 8 }
    GraphProto { node = 1, name = 2, input = 11, output = 12 }
    NodeProto { input = 1, output = 2, op_type = 4, attribute = 5, domain = 7 }
    AttributeProto { name = 1, i = 3, t = 5, ints = 8, type = 20 }
    TensorProto { dims = 1, data_type = 2, raw_data = 9 }

Sources: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto,
https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html, https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from typing import Any

import numpy as np

from potager.images.compiled.forest import Forest

INPUT, OUTPUT = "rows", "sums"
_IR, _OPSET, _ML = 10, 21, 5
_KINDS = {np.dtype(np.uint8): 2, np.dtype(np.float32): 1, np.dtype(np.float64): 11}
_AT_MOST, _BELOW = 0, 1
_INT, _TENSOR, _INTS = 2, 4, 7
_DIGITS = 5
"""Bytes of a number in a list: 35 bits. One that needs fewer is written with leading zeros, as the encoding allows."""


def written(forest: Forest) -> bytes:
    """The model: rows `(n, width)` in, the leaves' sums `(n, targets)` out, without the forest's base."""
    mode = _AT_MOST if forest.inclusive else _BELOW
    attributes = (
        _number("aggregate_function", 1),
        _number("n_targets", forest.targets),
        _number("post_transform", 0),
        _numbers("tree_roots", forest.roots),
        _tensor("nodes_splits", forest.thresholds),
        _numbers("nodes_featureids", forest.features),
        _tensor("nodes_modes", np.full(len(forest.features), mode, np.uint8)),
        _numbers("nodes_missing_value_tracks_true", forest.missing_left),
        _numbers("nodes_truenodeids", forest.left),
        _numbers("nodes_falsenodeids", forest.right),
        _numbers("nodes_trueleafs", forest.left_leaf),
        _numbers("nodes_falseleafs", forest.right_leaf),
        _numbers("leaf_targetids", forest.leaf_targets),
        _tensor("leaf_weights", forest.leaves),
    )
    node = _text(1, INPUT) + _text(2, OUTPUT) + _text(4, "TreeEnsemble") + _text(7, "ai.onnx.ml")
    node += b"".join(_block(5, one) for one in attributes)
    kind = _KINDS[forest.dtype]
    graph = _block(1, node) + _text(2, "forest")
    graph += _block(11, _value(INPUT, kind, forest.width)) + _block(12, _value(OUTPUT, kind, forest.targets))
    opsets = _block(8, _varint(2, _OPSET)) + _block(8, _text(1, "ai.onnx.ml") + _varint(2, _ML))
    return _varint(1, _IR) + opsets + _block(7, graph)


def _value(name: str, kind: int, columns: int) -> bytes:
    """A `ValueInfoProto`: a tensor of any number of rows."""
    shape = _block(1, _text(2, "n")) + _block(1, _varint(1, columns))
    return _text(1, name) + _block(2, _block(1, _varint(1, kind) + _block(2, shape)))


def _number(name: str, value: int) -> bytes:
    return _text(1, name) + _varint(3, value) + _varint(20, _INT)


def _numbers(name: str, values: Any) -> bytes:
    """A list of integers, none below 0."""
    shifts = 7 * np.arange(_DIGITS)
    digits = (values.astype(np.int64)[:, None] >> shifts & 127).astype(np.uint8)
    digits[:, :-1] |= 128
    return _text(1, name) + _block(8, digits.tobytes()) + _varint(20, _INTS)


def _tensor(name: str, values: Any) -> bytes:
    content = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
    tensor = _varint(1, len(values)) + _varint(2, _KINDS[values.dtype]) + _block(9, content)
    return _text(1, name) + _block(5, tensor) + _varint(20, _TENSOR)


def _text(number: int, text: str) -> bytes:
    return _block(number, text.encode())


def _block(number: int, content: bytes) -> bytes:
    return _encoded(number << 3 | 2) + _encoded(len(content)) + content


def _varint(number: int, value: int) -> bytes:
    return _encoded(number << 3) + _encoded(value)


def _encoded(value: int) -> bytes:
    digits = bytearray()
    while value > 127:
        digits.append(value & 127 | 128)
        value >>= 7
    digits.append(value)
    return bytes(digits)
