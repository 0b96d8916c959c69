"""Settings that work, to start from."""

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    # One to two minutes on two cores: for tests and first steps. Faces of 56 pixels, half of the
    # usual size: in the same time a net sees four times as many, and learns more from them.
    "tiny": {
        "net": "plain-t",
        "size": 56,
        "crop": 64,
        "dim": 64,
        "ema": 0.98,
        "evaluate": 350,  # with few people, the best of many looks is a lucky one
        "stages": [
            {
                "name": "triplet",
                "steps": 700,
                "p": 32,
                "k": 4,
                "optimizer": "muon",
                "lr": 6e-3,
                "warm_up": 50,
                "clip": 10.0,
            },
        ],
    },
    # Half an hour to an hour on two cores. plain-t: at as many images plain-s has three points of
    # TAR more, hardly above chance, for twice the time of a face (docs/training.md). These are the
    # ladder's settings.
    "small": {
        "net": "plain-t",
        "augment": "light",
        "evaluate": 500,
        "stages": [
            {
                "name": "warm",
                "loss": "cosface",
                "uniform": 256,
                "margin": 0.35,
                "steps": 1000,
                "optimizer": "muon",
                "lr": 0.01,
                "weight_decay": 0.05,
                "warm_up": 100,
                "clip": 10.0,
            },
            {
                "name": "triplet",
                "steps": 1000,
                "p": 64,
                "k": 4,
                "freeze_bn": True,
                "classifier": 0.1,
                "optimizer": "muon",
                "lr": 0.003,
                "weight_decay": 0.05,
                "warm_up": 50,
                "clip": 10.0,
            },
        ],
    },
    # A model that exists, a little nearer to the people of its user.
    "finetune": {
        "finetune": "facegate-1",
        "ema": 0.98,
        "stages": [
            {
                "name": "tune",
                "steps": 300,
                "p": 16,
                "k": 4,
                "lr": 1e-4,
                "warm_up": 30,
                "freeze_bn": True,
                "distil": 1.0,
            },
        ],
    },
    # FaceNet's shape: 1,800 images a batch, 45 identities with 40 each; made for a GPU.
    "paper": {
        "net": "inception-resnet-v1",
        "size": 160,
        "crop": 184,  # to 160 about as 128 to 112, the measure of ready crops
        "dim": 512,
        "ema": 0.9999,
        "evaluate": 500,
        "stages": [
            # Gradient caching wants frozen statistics, and those of a random net put every face
            # on one point (a mean embedding of length 0.99995): so they are learnt first, in
            # batches that need no more memory than a chunk.
            {
                "name": "warm",
                "loss": "cosface",
                "uniform": 120,
                "margin": 0.35,
                "steps": 20000,
                "lr": 1e-3,
                "warm_up": 500,
            },
            {
                "name": "triplet",
                "steps": 20000,
                "p": 45,
                "k": 40,
                "lr": 1e-4,
                "warm_up": 500,
                "freeze_bn": True,
                "chunk": 120,
            },
        ],
    },
}
"""By name; `facegate.models.training.config.Config` says what each key means."""
