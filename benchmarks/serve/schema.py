"""schemathesis with all its checks, 1,000 examples an operation, against a server of its own.

python benchmarks/serve/schema.py --examples 1000

Ends with 1 where any check fails. The settings are those of the test.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from serving import serving

SETTINGS = Path(__file__).parents[2] / "tests" / "app" / "server" / "schemathesis.toml"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--only", help="Operations whose path matches this expression alone.")
    options = parser.parse_args()
    with serving() as server:
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(SETTINGS)),
            *("run", f"{server.address}/api/v1/openapi.json"),
            *("--max-examples", str(options.examples)),
            *("--header", f"Authorization: Bearer {server.key}"),
        ]
        if options.only:
            command += ["--include-path-regex", options.only]
        sys.exit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()
