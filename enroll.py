"""Enrol faces from photographs, a folder of people or a camera: the same as `facegate enroll`.

uv run enroll.py "Ada Lovelace" ada-1.jpg ada-2.jpg
uv run enroll.py "Ada Lovelace" --camera auto
uv run enroll.py --folder people/
"""

import sys

try:
    from facegate.cli import main
except ModuleNotFoundError as error:
    if error.name != "facegate":
        raise
    sys.exit("facegate is not installed here: use 'uv run enroll.py', or 'uv sync' first")

if __name__ == "__main__":
    main(["enroll", *sys.argv[1:]])
