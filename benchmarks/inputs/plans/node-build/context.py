"""A TypeScript service: a later build step runs a development package."""

import json
import subprocess
from pathlib import Path

import files


def write(context: Path) -> None:
    manifest = {
        "name": "shop", "version": "1.0.0", "private": True,
        "dependencies": {"express": "4.19.2"}, "devDependencies": {"typescript": "5.4.5", "@types/node": "20.12.7"},
    }  # fmt: skip
    files.write(context / "package.json", json.dumps(manifest, indent=2) + "\n")
    options = {"outDir": "dist", "module": "commonjs", "types": ["node"], "strict": True}
    files.write(context / "tsconfig.json", json.dumps({"compilerOptions": options, "include": ["src"]}) + "\n")
    files.write(
        context / "src/main.ts", "import * as http from 'http';\nhttp.createServer((_, reply) => reply.end('ok'));\n"
    )
    subprocess.run(["npm", "install", "--package-lock-only", "--silent", "--ignore-scripts"], cwd=context, check=True)
