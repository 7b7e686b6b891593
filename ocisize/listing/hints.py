"""What to do where a registry does not list its repositories: the commands that do, by registry."""

from __future__ import annotations

import re

_DENIALS = frozenset({400, 401, 403, 404, 405, 501})
#: registries by their host, and the command that lists their repositories; docs/fleet.md explains them
_COMMANDS = {
    r"docker\.io": (
        "curl -s 'https://hub.docker.com/v2/namespaces/NAMESPACE/repositories?page_size=100' "
        r"""| jq -r '.results[] | "NAMESPACE/\(.name):*"'"""
    ),
    r"ghcr\.io": (
        "gh api --paginate '/orgs/NAMESPACE/packages?package_type=container&per_page=100' "
        r"""--jq '.[] | "ghcr.io/NAMESPACE/\(.name):*"'"""
    ),
    r"quay\.io": (
        "curl -s 'https://quay.io/api/v1/repository?namespace=NAMESPACE&public=true' "
        r"""| jq -r '.repositories[] | "quay.io/NAMESPACE/\(.name):*"'"""
    ),
    r"registry\.gitlab\.com": (
        "glab api --paginate 'groups/NAMESPACE/registry/repositories?per_page=100' "
        r"""| jq -r '.[] | "\(.location):*"'"""
    ),
    r"[a-z0-9-]+-docker\.pkg\.dev": (
        "gcloud artifacts docker images list REGISTRY/NAMESPACE --format 'value(package)' | sort -u | sed 's/$/:*/'"
    ),
}


def advise_on_catalog(registry: str, namespace: str, status: int | None, hint: str | None = None) -> str | None:
    """Return advice for a registry that refused to list its repositories; ``hint`` for other errors.

    >>> advise_on_catalog("ghcr.io", "acme", 404)[:66]
    "list the repositories with: gh api --paginate '/orgs/acme/packages"
    >>> advise_on_catalog("registry.io", "", 403, "log in first: docker login registry.io")
    'log in first: docker login registry.io; or write the references into a list: ocisize fleet FILE'
    """
    if status not in _DENIALS:
        return hint
    for host, command in _COMMANDS.items():
        if re.fullmatch(host, registry):
            filled = command.replace("NAMESPACE", namespace or "NAMESPACE").replace("REGISTRY", registry)
            return f"list the repositories with: {filled} | ocisize fleet -"
    advice = "write the references into a list: ocisize fleet FILE"
    return f"{hint}; or {advice}" if hint and status in (401, 403) else advice
