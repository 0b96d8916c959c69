"""Whether a model in 8-bit whole numbers is as good as in f32, and faster.

    NNCF_CI=1 uv run --with nncf python benchmarks/model/int8.py PEOPLE people.csv --json FILE

PEOPLE is a folder of aligned crops, one folder a person, and people.csv names their splits. NNCF's
post-training quantisation sees one crop each of 300 people of split train; both nets are then
measured on split val (all impostor pairs, at most ten genuine pairs a person, the mean over
people) under the same thousand draws of people, and timed for one face on one core in
alternating rounds. 8 bits are accepted where they lose no more than 0.1 point of TAR at FMR 1e-3.
NNCF_CI=1 keeps NNCF from reporting to its vendor.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from damage import SIDE, SIZE, embed
from speed import race, table, take_one_core

from facegate.data.crops import load_crops
from facegate.data.dataset import Dataset, read_dataset
from facegate.models.align import warp
from facegate.models.card import Card
from facegate.models.embedder import Embedder
from facegate.models.inference.openvino_cpu import compile_model, import_openvino
from facegate.models.metrics.comparisons import compare_people
from facegate.models.metrics.verification import compare
from facegate.models.nets.build import load_net
from facegate.models.shelf.weights import checked_weights
from facegate.models.training.alignment import template_for
from facegate.models.values import Floats
from facegate.models.zoo import card

SEEN, FMR, MOST_LOST = 300, 1e-3, 0.001


def graph(wanted: Card) -> Any:
    """Return a model of facegate's own as OpenVINO's graph in f32."""
    import torch

    openvino = import_openvino()
    size = wanted.input_size
    path = checked_weights(wanted).path
    net = load_net(wanted.architecture, path, dim=wanted.dim, size=size)
    example = torch.zeros(2, 3, size, size)
    return openvino.convert_model(net, example_input=example, input=[-1, 3, size, size])


def seen(train: Dataset, wanted: Card) -> list[Floats]:
    """Return one input each of some training people."""
    random = np.random.default_rng(0)
    people = random.choice(len(train.identities), SEEN, replace=False)
    rows = [int(random.choice(np.flatnonzero(train.labels == person))) for person in people]
    crops = load_crops([train.files[row] for row in rows], SIDE).pixels
    here, there = template_for(SIDE, SIZE), np.asarray(wanted.template, np.float32)
    faces = np.stack([warp(crop, here, there, wanted.input_size) for crop in crops])
    mean, std = np.asarray(wanted.mean, np.float32), np.asarray(wanted.std, np.float32)
    scaled = (faces.astype(np.float32) - mean) / std
    return [np.ascontiguousarray(face[None]) for face in scaled.transpose(0, 3, 1, 2)]


def quantised(model: Any, inputs: list[Floats]) -> Any:
    """Return the model in 8 bits."""
    import nncf

    return nncf.quantize(model, nncf.Dataset(inputs), subset_size=len(inputs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("people", type=Path)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--model", default="facegate-1")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    take_one_core()
    wanted, dataset = card(options.model), read_dataset(options.people, options.manifest)
    plain = graph(wanted)
    small = quantised(graph(wanted), seen(dataset.of_split("train"), wanted))
    nets = {"f32": compile_model(plain), "int8": compile_model(small)}
    val = dataset.of_split("val")
    loaded = load_crops(val.files, SIDE)
    people = val.labels[loaded.rows]
    rows = {kind: embed(Embedder(wanted, net, kind), loaded.pixels) for kind, net in nets.items()}
    compared = compare(*(compare_people(rows[kind], people) for kind in nets), fars=(FMR, 1e-2))
    cosine = np.einsum("nd,nd->n", *rows.values())
    figures = {
        item.name: {
            "f32": round(item.first, 5),
            "int8": round(item.second, 5),
            "difference": round(item.second - item.first, 5),
            "95 %": [round(item.low, 5), round(item.high, 5)],
        }
        for item in compared
    }
    lost = -next(item.second - item.first for item in compared if item.name == f"tar@{FMR:g}")
    result = {
        "model": wanted.name,
        "people": len(np.unique(people)),
        "images": len(people),
        "figures": figures,
        "cosine to f32": {
            "mean": round(float(cosine.mean()), 5),
            "least": round(float(cosine.min()), 5),
        },
        "batch 1, one core": table(race(nets, options.rounds), "f32"),
        "accepted": bool(lost <= MOST_LOST),
    }
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
