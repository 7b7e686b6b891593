"""What findings that no catalogue rule makes are about, by id: docs/rules.md is written from this table.

OS1 stands for the layers themselves, OS2 for history and config, OS24 among them for size and base
beside what the runtime needs. Ids are never used again.
"""

from __future__ import annotations

import attrs

from ocisize.findings.checks.tool_caches import TOOL_CACHES
from ocisize.model.findings import Confidence


@attrs.frozen(kw_only=True)
class Topic:
    """One kind of finding, explained."""

    id: str
    title: str
    what: str
    why: str
    fix: str
    confidence: Confidence
    source: str = ""


_SURE, _LIKELY, _ASK = Confidence.SURE, Confidence.LIKELY, Confidence.ASK
_LAYERS = "https://github.com/opencontainers/image-spec/blob/main/layer.md"
_SECRETS = "https://docs.docker.com/build/building/secrets/"

_STRUCTURE = (
    Topic(
        id="OS101",
        title="files that a later layer deletes",
        what="A layer stores files, and a layer above deletes them.",
        why="Layers are only ever added: what one holds is downloaded and stored, whatever those above it say.",
        fix="Clean up in the RUN that writes, keep files out of COPY with .dockerignore, or mount them for one RUN.",
        confidence=_SURE,
        source=_LAYERS,
    ),
    Topic(
        id="OS102",
        title="files stored again for their owner, mode or time",
        what="A layer stores files of a lower one with the same content.",
        why="chown -R, chmod -R and touch copy every file they change.",
        fix="COPY --chown=… --chmod=…, or change them at the end of the RUN that writes them.",
        confidence=_SURE,
        source="https://docs.docker.com/reference/dockerfile/#copy---chown---chmod",
    ),
    Topic(
        id="OS103",
        title="files that a later layer overwrites",
        what="A layer stores other content at a path that a lower layer has filled. Caches belong to the step that left "
        "them (OS202 to OS219); what any step on a base rewrites, as accounts and package databases, is told from 1 % of "
        "the download on.",
        why="Both versions are downloaded.",
        fix="Install final versions in one step; write and copy final files once; take a base image that is up to date.",
        confidence=_SURE,
        source=_LAYERS,
    ),
    Topic(
        id="OS104",
        title="folders that a later layer replaces",
        what="A layer replaces a folder as a whole, by an opaque whiteout.",
        why="All that lower layers hold in it is downloaded and never seen.",
        fix="Remove and write the folder in one RUN, or build it in a stage and copy the result.",
        confidence=_SURE,
        source=_LAYERS,
    ),
    Topic(
        id="OS105",
        title="paths that stand twice in one layer",
        what="The layer's tar has two entries of one path; the last one counts.",
        why="The first ones are downloaded and overwritten while the layer is unpacked.",
        fix="Use a builder that writes each path once.",
        confidence=_SURE,
    ),
    Topic(
        id="OS106",
        title="bytes that are part of no filesystem",
        what="Content of whiteout markers and of AUFS bookkeeping, and paths that lead out of the image.",
        why="It is downloaded and never unpacked.",
        fix="Use a builder that writes layers as the specification has them.",
        confidence=_SURE,
        source=_LAYERS,
    ),
    Topic(
        id="OS110",
        title="equal content at several paths",
        what="Files with the same content, all of them visible. Those of packages are left to their managers, unless a "
        "package stands twice.",
        why="Compression finds copies only where they stand close together in one layer.",
        fix="Keep one and link to it; for packages, npm dedupe, one workspace or one installation.",
        confidence=_LIKELY,
    ),
    Topic(
        id="OS120",
        title="one heavy layer",
        what="A layer of 50 MB or more that is more than half of the download.",
        why="A layer comes over one connection and is unpacked by one core, and changes as a whole.",
        fix="Look at its step first; split what changes with every build from what does not.",
        confidence=_ASK,
    ),
    Topic(
        id="OS121",
        title="a layer that hardly compresses",
        what="A layer of 10 MB or more whose content is compressed already.",
        why="Archives, models and media cost their full size.",
        fix="Unpack archives in the step that fetches them; fetch models and media when the container starts.",
        confidence=_ASK,
    ),
    Topic(
        id="OS122",
        title="an empty layer",
        what="A layer that stores no content and hides none.",
        why="Each layer costs a request.",
        fix="Join its step into another.",
        confidence=_ASK,
    ),
    Topic(
        id="OS123",
        title="many layers",
        what="More than 30 layers.",
        why="Clients fetch few at once, and Docker's overlay stops at 127.",
        fix="Join steps that change together.",
        confidence=_ASK,
    ),
)

_HISTORY = (
    Topic(
        id="OS201",
        title="packages that are only recommended",
        what="Debian packages that a layer adds, that nobody asked for by name and that no installed package depends on: "
        "apt-get installed them because others recommend them. Told by dpkg's database, with the files they brought.",
        why="They come on top of what was asked for, and bring dependencies of their own.",
        fix="apt-get install --no-install-recommends …, naming the recommended packages that the program does need.",
        confidence=_LIKELY,
        source="https://github.com/hadolint/hadolint/wiki/DL3015",
    ),
    *(
        Topic(
            id=step.id,
            title=f"{step.tool} leaves {step.title}",
            what=f"A RUN calls {step.tool} and keeps {step.title}, files of {' and '.join(step.rules)}, in its own layer.",
            why="The text of the step names who left them; the bytes are those in its layer.",
            fix=f"{step.advice[0].upper()}{step.advice[1:]}; or mount the cache: RUN --mount=type=cache,target=…",
            confidence=step.confidence,
            source=f"https://github.com/hadolint/hadolint/wiki/{step.code}" if step.code else "",
        )
        for step in TOOL_CACHES
    ),
    Topic(
        id="OS220",
        title="runs as root",
        what="The config names no user, or root.",
        why="Whoever breaks out of the program is root in the container, and has what root may do to mounted files.",
        fix="RUN useradd …, COPY --chown=…, and USER with a number, which Kubernetes can check.",
        confidence=_ASK,
        source="https://github.com/hadolint/hadolint/wiki/DL3002",
    ),
    Topic(
        id="OS221",
        title="a tag that moves",
        what="The image is named by the tag latest, or by none. Not said of digests and of files without a name.",
        why="Tomorrow the name means another image, with other sizes.",
        fix="Publish and pull a tag of one version, or a digest.",
        confidence=_ASK,
        source="https://github.com/hadolint/hadolint/wiki/DL3007",
    ),
    Topic(
        id="OS230",
        title="secret files",
        what="Files, in any layer, whose names say that they hold keys or passwords; not those of Debian packages.",
        why="Whoever can pull the image can read each of its layers, also what a later one deletes.",
        fix="Replace the secret. Name the file in .dockerignore, and use RUN --mount=type=secret where a step needs it.",
        confidence=_LIKELY,
        source=_SECRETS,
    ),
    Topic(
        id="OS231",
        title="secrets in the environment",
        what="Variables of the config whose names promise a secret or whose values look like one. They are not shown.",
        why="The config is downloaded before anything else, and docker inspect shows it.",
        fix="Replace the secret, and set it where the container runs.",
        confidence=_LIKELY,
        source=_SECRETS,
    ),
    Topic(
        id="OS232",
        title="secrets in the history",
        what="Build arguments and commands that hold secrets. They are not shown: reports have <redacted> instead.",
        why="The config keeps the text of every step, with the values of its build arguments.",
        fix="Replace the secret. RUN --mount=type=secret,id=NAME … reads it from /run/secrets/NAME and leaves no trace.",
        confidence=_LIKELY,
        source=_SECRETS,
    ),
)

_FITNESS = (
    Topic(
        id="OS240",
        title="image far above what its runtime takes",
        what="The download is more than twice the most that a well-made image of the same runtime takes.",
        why=(
            "Rarely one file is to blame: it is the sum of a large base, build tools and what was left behind. To aim "
            "for: Python 70 to 120 MB, Node.js 80 to 180 MB, Java with a JRE 180 to 250 MB, a static Go binary 10 to "
            "25 MB, application included. Sources of these figures stand in ocisize/packages/targets.toml; they are "
            "compared with the compressed size, the lenient reading, and where that is unknown with a third of the "
            "content."
        ),
        fix=(
            "Build in a stage of its own, copy what runs into a small base, and act on the findings that save "
            "most. Applications with models, browsers or large data are rightly above it."
        ),
        confidence=_ASK,
        source="https://gaelle-candel.neocities.org/ai-books/lightweight-docker-images/07-language-specific-optimizations.html",
    ),
    Topic(
        id="OS241",
        title="large base image",
        what="The base image takes more than twice the download of a smaller one with the same runtime.",
        why="Every node that pulls the image pulls the base, and scanners report what it holds.",
        fix=(
            "A slim variant, a distroless image, Alpine, or for static binaries distroless/static or scratch. "
            "Alpine has musl in place of glibc: programs and wheels built for glibc do not run, DNS search "
            "domains and locales differ, so test before changing."
        ),
        confidence=_ASK,
        source="https://github.com/docker-library/repo-info",
    ),
    Topic(
        id="OS242",
        title="JDK where a JRE serves",
        what="javac stands beside java.",
        why="A JDK has compiler, tools and headers besides what a program runs on; a runtime made by jlink has less still.",
        fix=(
            "Compile in a stage of its own and run on a JRE or on what jlink makes of the modules needed. Keep "
            "the JDK where the application compiles at run time, or for jcmd and jmap."
        ),
        confidence=_ASK,
        source="https://docs.oracle.com/en/java/javase/21/docs/specs/man/jlink.html",
    ),
    Topic(
        id="OS243",
        title="full variant of an official image",
        what=(
            "The runtime of an official image (python, node, ruby) stands on a layer with a compiler: its full "
            "variant, which is built on buildpack-deps."
        ),
        why=(
            "python:3.12 takes 411 MB to download, python:3.12-slim 43 MB; the difference are compilers and "
            "development packages."
        ),
        fix=(
            "Build on the slim variant; where packages must be compiled, do that on the full one in a stage of "
            "its own and copy the result."
        ),
        confidence=_ASK,
        source="https://github.com/docker-library/repo-info/tree/master/repos/python/remote",
    ),
)

TOPICS = (*_STRUCTURE, *_HISTORY, *_FITNESS)
