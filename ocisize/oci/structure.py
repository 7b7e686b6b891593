"""Conversion of decoded JSON to values with cattrs, which names every problem of a document by its path.

To import cattrs takes longer than to read the documents of an image. So documents are read by ``valid_documents`` first, and
this module is imported for those that are not valid.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from itertools import islice
from typing import Any, TypeVar, get_args, get_origin

import cattrs
import cattrs.v
from cattrs.gen import make_dict_structure_fn, override

from ocisize.blob.digest import Digest
from ocisize.errors import DocumentError
from ocisize.oci.documents import (
    BuildInfo,
    Descriptor,
    History,
    ImageConfig,
    Index,
    Manifest,
    Platform,
    RootFs,
    RunConfig,
)
from ocisize.oci.strict_json import abbreviated_repr, check_spelling, expect_type, name_type
from ocisize.oci.valid_documents import BUILD_INFO, read_build_info, read_run
from ocisize.values import fields

_JSON_NAMES = {
    Descriptor: {"media_type": "mediaType", "artifact_type": "artifactType"},
    Index: {"media_type": "mediaType"},
    Manifest: {"media_type": "mediaType", "artifact_type": "artifactType"},
    Platform: {"os_version": "os.version"},
    ImageConfig: {"os_version": "os.version", "run": "config", "build_info": BUILD_INFO},
}
_ALL_NAMES = {name: json_name for names in _JSON_NAMES.values() for name, json_name in names.items()}
_MAX_EXCERPT_ITEMS = 1000  # of a list or an object, that are searched for problems
_MAX_EXCERPT_DEPTH = 6  # the depth of the fields of documents
_MAX_PROBLEMS = 10
_MAX_PROBLEM = 400  # characters of each
_PYTHON_NAME = re.compile(r"(?<=\.)[a-z_]+$")
_T = TypeVar("_T")


def structure(document: Any, cls: type[_T], what: str) -> _T:
    """Convert decoded JSON to ``cls``; raise DocumentError, which lists the problems with their paths.

    Each problem costs kilobytes, so only the first thousand items of a list are searched for more than one problem.

    >>> structure({"size": -1, "digest": "md5"}, Descriptor, "the descriptor")
    Traceback (most recent call last):
    ocisize.errors.DocumentError: the descriptor is not valid; 'md5' is not a digest @ $
    """
    try:
        return _converter.structure(document, cls)
    except Exception as error:
        problems = [abbreviated_repr(str(error))]
    try:
        _make_converter(detailed=True).structure(excerpt(document), cls)
    except Exception as error:  # cattrs raises groups of whatever its hooks raised
        problems = list_problems(error)
    raise DocumentError(f"{what} is not valid", problems=problems)


def list_problems(error: Exception) -> list[str]:
    """Return the problems of a cattrs error, each with its path in the document: at most ten, cut to 400 characters."""
    problems = cattrs.transform_error(error, format_exception=_format_exception)
    rest = [f"and {len(problems) - _MAX_PROBLEMS} more"] if len(problems) > _MAX_PROBLEMS else []
    kept = [
        problem if len(problem) <= _MAX_PROBLEM else f"{problem[:_MAX_PROBLEM]}…" for problem in problems[:_MAX_PROBLEMS]
    ]
    return [_PYTHON_NAME.sub(lambda name: _ALL_NAMES.get(name[0], name[0]), problem) for problem in kept] + rest


def _format_exception(error: BaseException, kind: type | None) -> str:
    has_own_text = type(error) in (ValueError, TypeError) and bool(str(error))
    return str(error) if has_own_text else cattrs.v.format_exception(error, kind)


def read_object(read: Callable[[Any, Any], _T], names: Collection[str]) -> Callable[[Any, Any], _T]:
    """Wrap a cattrs structure hook: raise TypeError for other values than objects, ValueError as ``check_spelling``.

    cattrs alone takes an empty list or text for an object without fields.

    >>> read = read_object(lambda document, kind: kind(**document), ["size"])
    >>> read([], dict)
    Traceback (most recent call last):
    TypeError: expected an object, got list
    """

    def hook(document: Any, kind: Any) -> _T:
        if not isinstance(document, dict):
            raise TypeError(f"expected an object, got {name_type(document)}")
        check_spelling(document, names)
        return read(document, kind)

    return hook


def excerpt(value: Any, depth: int = _MAX_EXCERPT_DEPTH) -> Any:
    """Return a decoded document with only the first thousand items of its lists and objects, six levels deep.

    >>> len(excerpt(list(range(5000))))
    1000
    """
    if depth and isinstance(value, dict):
        return {name: excerpt(item, depth - 1) for name, item in islice(value.items(), _MAX_EXCERPT_ITEMS)}
    if depth and isinstance(value, list):
        return [excerpt(item, depth - 1) for item in value[:_MAX_EXCERPT_ITEMS]]
    return value


def _is_sequence(kind: Any) -> bool:
    return get_origin(kind) is tuple and get_args(kind)[-1:] == (Ellipsis,)


def strict_converter(*, detailed: bool = True) -> cattrs.Converter:
    """Return a cattrs converter that converts no primitive type into another, and only lists into tuples.

    cattrs alone turns ``null`` into ``"None"``, ``"2"`` into 2 and a text into its characters. A ``detailed`` converter
    raises all problems together, another one only the first.

    >>> strict_converter(detailed=False).structure("2", int)
    Traceback (most recent call last):
    TypeError: expected int, got str
    """
    converter = cattrs.Converter(detailed_validation=detailed)
    for primitive in (str, int, bool):
        converter.register_structure_hook(primitive, expect_type)

    def read_list(value: Any, kind: Any) -> tuple[Any, ...]:
        # cattrs alone takes the characters of a text and the names of an object for a list
        items: Any = list[get_args(kind)[0]]  # type: ignore[misc]
        return tuple(converter.structure(expect_type(value, list), items))

    converter.register_structure_hook_func(_is_sequence, read_list)
    return converter


def _make_converter(*, detailed: bool) -> cattrs.Converter:
    converter = strict_converter(detailed=detailed)
    converter.register_structure_hook(RunConfig, lambda document, _: read_run(document))
    converter.register_structure_hook(BuildInfo, lambda value, _: read_build_info(value))
    converter.register_structure_hook(Digest, lambda value, _: Digest(expect_type(value, str)))
    for cls in (Platform, Descriptor, Index, Manifest, History, RootFs, ImageConfig):
        renamed = {name: override(rename=json_name) for name, json_name in _JSON_NAMES.get(cls, {}).items()}
        read = make_dict_structure_fn(cls, converter, **renamed)  # type: ignore[arg-type]
        names = [_JSON_NAMES.get(cls, {}).get(field.name, field.name) for field in fields(cls)]
        converter.register_structure_hook(cls, read_object(read, names))
    return converter


_converter = _make_converter(detailed=False)
