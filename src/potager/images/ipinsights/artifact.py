"""A model on disk: `model.npz` (arrays, no pickles) beside `model.json` (what they are).

Of the entities' vectors only those of entities that training saw are kept; the others are 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from potager.images.algorithm import saved
from potager.images.algorithm.arrays import Floats, Ints
from potager.images.algorithm.errors import BrokenModel
from potager.images.ipinsights.events import Events
from potager.images.ipinsights.fit import Model
from potager.images.ipinsights.network import Parameters, encoded
from potager.images.ipinsights.prefixes import LENGTHS, Prefixes

FORMAT = saved.Format("ipinsights")


@dataclass(frozen=True)
class Trained:
    """A finished model: `parameters.entities` has the vectors of `slots` `(n_trained,)`, ascending, and no others."""

    parameters: Parameters
    prefixes: Prefixes
    slots: Ints
    num_entity_vectors: int

    def vectors(self, events: Events) -> tuple[Floats, Floats]:
        """The vectors of the entities and of the addresses of events, `(n_events, dim)` each."""
        at = np.minimum(np.searchsorted(self.slots, events.entities), len(self.slots) - 1)
        known = self.slots[at] == events.entities
        entities = np.where(known[:, None], self.parameters.entities[at], 0)
        return entities, encoded(self.parameters, events.addresses, self.prefixes.rows(events.addresses))


def save(model: Model, folder: Path) -> None:
    """Writes the model's two files, `model.json` last."""
    folder.mkdir(parents=True, exist_ok=True)
    parameters = model.parameters
    arrays: dict[str, Any] = {
        "slots": model.trained,
        "entities": parameters.entities[model.trained],
        "keys": model.prefixes.keys,
        "prefixes": parameters.prefixes,
        "bits": parameters.bits,
        "weights": parameters.weights,
        "biases": parameters.biases,
    }
    np.savez(folder / "model.npz", **arrays)
    described = {
        "num_entity_vectors": len(parameters.entities),
        "vector_dim": parameters.bits.shape[1],
        "num_ip_encoder_layers": len(parameters.weights),
        "prefix_lengths": list(LENGTHS),
    }
    FORMAT.write(folder, described)


@saved.reader
def read(folder: Path) -> Trained:
    """The model that `save` wrote; `BrokenModel` where it is incomplete, damaged or another program's."""
    described = FORMAT.read(folder, dict[str, Any])
    with saved.arrays(folder / "model.npz") as arrays:
        floats = {name: np.ascontiguousarray(arrays[name], np.float32) for name in Parameters.__dataclass_fields__}
        slots, keys = arrays["slots"].astype(np.int64), arrays["keys"].astype(np.uint64)
        model = Trained(Parameters(**floats), Prefixes(keys), slots, int(described["num_entity_vectors"]))
    if complaint := _fault(model, described):
        raise BrokenModel(f"{folder}: {complaint}. Train the model again.")
    return model


def _fault(model: Trained, described: dict[str, Any]) -> str | None:
    """What would lead answers astray."""
    dim, layers = described.get("vector_dim"), described.get("num_ip_encoder_layers")
    if described.get("prefix_lengths") != list(LENGTHS):
        return f"its networks are of lengths {described.get('prefix_lengths')}, not {list(LENGTHS)}"
    found = {name: getattr(model.parameters, name).shape for name in Parameters.__dataclass_fields__}
    wanted = {
        "entities": (len(model.slots), dim),
        "prefixes": (len(model.prefixes), dim),
        "bits": (32, dim),
        "weights": (layers, dim, dim),
        "biases": (layers, dim),
    }
    if found != wanted:
        return f"arrays have shapes {found}, but {wanted} are described"
    if (
        model.slots.ndim != 1
        or model.prefixes.keys.ndim != 1
        or not len(model.slots)
        or (np.diff(model.slots) <= 0).any()
        or (model.prefixes.keys[1:] <= model.prefixes.keys[:-1]).any()
    ):
        return "slots or keys are not in order"
    if not all(np.isfinite(getattr(model.parameters, name)).all() for name in found):
        return "the model holds numbers that are not finite"
    return None
