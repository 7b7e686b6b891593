"""A service whose node_modules comes from the context, development packages included."""

import json
import subprocess
from pathlib import Path

import files


def write(context: Path) -> None:
    manifest = {
        "name": "shop", "version": "1.0.0", "private": True,
        "dependencies": {"express": "4.19.2"}, "devDependencies": {"typescript": "5.4.5", "mocha": "10.4.0"},
    }  # fmt: skip
    files.write(context / "package.json", json.dumps(manifest, indent=2) + "\n")
    files.scripts(context / "src", 12)
    subprocess.run(["npm", "install", "--silent", "--ignore-scripts"], cwd=context, check=True)
