#!/usr/bin/env bash
# A Node service on Debian: nodejs from apt, and a copied node_modules with the packages for development.
#
#   benchmarks/inputs/node-service.sh CASE_FOLDER
#
# Needs root, debootstrap, node, npm, umoci and python3. Everything is fetched by the machine's own apt and npm
# configuration; npm runs no scripts.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
context=$partial/context

begin_image

debootstrap --variant=minbase --include=ca-certificates,locales,procps,netbase,tzdata bookworm "$root"
layer "/bin/sh -c #(nop) ADD file:debian-bookworm in / "

with_network apt-get update -q
with_network apt-get install -y -q nodejs
rm -rf "$root"/var/lib/apt/lists/*
layer "RUN /bin/sh -c apt-get update && apt-get install -y nodejs && rm -rf /var/lib/apt/lists/* # buildkit"

mkdir -p "$root/app" "$context"
cat >"$context/package.json" <<'JSON'
{
  "name": "shop",
  "version": "1.0.0",
  "private": true,
  "dependencies": {
    "express": "4.19.2", "body-parser": "1.20.2", "compression": "1.7.4", "cors": "2.8.5", "helmet": "7.1.0",
    "joi": "17.13.1", "lodash": "4.17.21", "moment": "2.30.1", "pino": "9.0.0", "uuid": "9.0.1"
  },
  "devDependencies": {
    "@types/express": "4.17.21", "@types/node": "20.12.7", "eslint": "8.57.0", "jest": "29.7.0",
    "nodemon": "3.1.0", "typescript": "5.4.5", "webpack": "5.91.0", "webpack-cli": "5.1.4"
  }
}
JSON
(cd "$context" && npm install --ignore-scripts --no-audit --no-fund --silent)
cp "$context"/package*.json "$root/app/"
layer "COPY package*.json ./ # buildkit"

cp -a "$context/node_modules" "$root/app/"
layer "COPY node_modules ./node_modules # buildkit"

PYTHONPATH=$here/plans python3 -c \
    'import sys, files; from pathlib import Path; files.scripts(Path(sys.argv[1]), 40)' "$root/app/src"
layer "COPY src ./src # buildkit"

mkdir "$root/app/dist"
cp "$root/app/src/script0.js" "$root/app/dist/"
layer "RUN /bin/sh -c mkdir dist && cp src/script0.js dist/ # buildkit"

umoci config --image "$image" --config.workingdir /app --config.cmd node --config.cmd dist/script0.js
end_image
