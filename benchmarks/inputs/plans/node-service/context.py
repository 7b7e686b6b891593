"""A service with a few packages for production and more for development."""

import json
import subprocess
from pathlib import Path

import files


def write(context: Path) -> None:
    manifest = {
        "name": "shop", "version": "1.0.0", "private": True,
        "dependencies": {"express": "4.19.2", "pino": "9.0.0"},
        "devDependencies": {"typescript": "5.4.5", "eslint": "8.57.0", "mocha": "10.4.0"},
    }  # fmt: skip
    files.write(context / "package.json", json.dumps(manifest, indent=2) + "\n")
    files.scripts(context / "src", 12)
    subprocess.run(["npm", "install", "--package-lock-only", "--silent", "--ignore-scripts"], cwd=context, check=True)
