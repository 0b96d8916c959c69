"""Train a face embedder with semi-hard triplet loss: the same as `facegate train`.

uv run train.py --preset tiny --data people/ --out runs/first
uv run train.py --config recipe.toml --out runs/recipe
uv run train.py --out runs/recipe --resume
"""

import sys

try:
    from facegate.cli import main
except ModuleNotFoundError as error:
    if error.name != "facegate":
        raise
    sys.exit("facegate is not installed here: use 'uv run train.py', or 'uv sync' first")

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
