"""The tables of an export and their columns. docs/fleet.md shows them; ``SCHEMA_VERSION`` changes with their meaning."""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.tuples import NamedTuple

SCHEMA_VERSION = 1  #: raised when a column goes or means something else; a new column does not raise it
HEAD = "export"  #: the table of one row
FILES = "files"  #: the table that is a folder of many Parquet files


class Column(NamedTuple):
    """A column of a table."""

    name: str
    type: str  #: as DuckDB names it
    about: str


class Table(NamedTuple):
    """A table of an export."""

    name: str  #: of the file without its extension, or of the folder
    about: str
    columns: Sequence[Column]
    needs_files: bool = False  #: it is written only if layers are read


_LAYER_ID = Column("layer_id", "UINTEGER", "of `layers`")
_IMAGE_ID = Column("image_id", "UINTEGER", "of `images`")
_ROOT_ID = Column("root_id", "UINTEGER", "of `roots`")

TABLES = (
    Table(HEAD, "one row on the export itself", (
        Column("schema_version", "UINTEGER", f"{SCHEMA_VERSION}; another number means other columns"),
        Column("ocisize_version", "VARCHAR", "of the program that wrote the tables"),
        Column("platform", "VARCHAR", "the only platform in scope; NULL for all"),
        Column("has_files", "BOOLEAN", "whether layers were read (`--files`)"),
        Column("complete", "BOOLEAN", "whether everything that was asked for was read"),
    )),
    Table("failures", "references and layers that could not be read", (
        Column("name", "VARCHAR", "the reference, or the digest of the layer"),
        Column("message", "VARCHAR", "why"),
    )),
    Table("roots", "a digest that references of one store name: an image, or an index of images", (
        Column("root_id", "UINTEGER", "counts from 0"),
        Column("store", "VARCHAR", "the registry, folder or archive where a blob is stored once"),
        Column("digest", "VARCHAR", "of the document"),
        Column("is_index", "BOOLEAN", "whether the document is an index"),
        Column("total_size", "BIGINT", "bytes of all blobs that the root reaches"),
        Column("unique_size", "BIGINT", "bytes that no other root of the store reaches: what deleting the root frees"),
        Column("amortised_size", "BIGINT", "its part of the store, where each blob is split evenly among its roots"),
    )),
    Table("names", "the names of roots", (
        _ROOT_ID,
        Column("kind", "VARCHAR", "`reference`, `repository`, `label` or `node`"),
        Column("name", "VARCHAR", "a reference is what ocisize accepts as an image"),
    )),
    Table("images", "the image of one platform of a root; an image in two roots has two rows", (
        Column("image_id", "UINTEGER", "counts from 0"),
        _ROOT_ID,
        Column("reference", "VARCHAR", "the first one of the root; `names` has all"),
        Column("digest", "VARCHAR", "of the manifest"),
        Column("platform", "VARCHAR", "such as `linux/amd64`"),
        Column("store", "VARCHAR", "that of the root"),
        Column("label", "VARCHAR", "the first one of the root, NULL if it has none"),
        Column("created", "VARCHAR", "RFC 3339, NULL if unknown"),
        Column("base_name", "VARCHAR", "of the base image, as annotations or labels name it"),
        Column("config_digest", "VARCHAR", "of the config"),
    )),
    Table("image_layers", "which layers an image has", (
        _IMAGE_ID,
        _LAYER_ID,
        Column("index", "UINTEGER", "0 is the lowest layer"),
        Column("build_step", "VARCHAR", "what made the layer, shortened"),
    )),
    Table("layers", "distinct blobs of layers, of all stores together", (
        Column("layer_id", "UINTEGER", "counts from 0"),
        Column("digest", "VARCHAR", "of the blob"),
        Column("diff_id", "VARCHAR", "of the uncompressed tar, as a config says; NULL if unknown"),
        Column("media_type", "VARCHAR", "as a manifest says"),
        Column("compressed_size", "BIGINT", "bytes of the blob"),
        Column("is_foreign", "BOOLEAN", "whether it is downloaded from elsewhere, so that stores need not have it"),
        Column("tar_size", "BIGINT", "bytes of the uncompressed tar; NULL if the layer was not read"),
        Column("rows", "BIGINT", "entries of the tar, which `files` has; NULL if the layer was not read"),
        Column("hash_function", "VARCHAR", "of `files.content`: only hashes of one function can be compared"),
    )),
    Table("blobs", "distinct blobs and manifests of each store", (
        Column("blob_id", "UINTEGER", "counts from 0"),
        Column("store", "VARCHAR", "where it is"),
        Column("digest", "VARCHAR", "of the blob"),
        Column("size", "BIGINT", "bytes"),
        Column("kind", "VARCHAR", "`index`, `manifest`, `config`, `layer`, `attestation` or `other`"),
    )),
    Table("root_blobs", "which blobs a root reaches, itself included", (
        _ROOT_ID,
        Column("blob_id", "UINTEGER", "of `blobs`"),
    )),
    Table("packages", "the packages of each image whose layers were all read, in the databases of package managers", (
        _IMAGE_ID,
        Column("ecosystem", "VARCHAR", "`deb`, `apk`, `rpm`, `python`, `npm`, `java`, `go` and so on"),
        Column("name", "VARCHAR", "as the ecosystem compares names"),
        Column("version", "VARCHAR", "NULL if it is not known"),
        Column("is_installed", "BOOLEAN", "false if only a lower layer lists the package, which a higher one removed"),
        Column("files", "BIGINT", "regular files of the package in all layers of the image"),
        Column("size", "BIGINT", "bytes of these"),
    ), needs_files=True),
    Table(FILES, "entries of the tars of layers, each layer once, sorted by layer", (
        _LAYER_ID,
        Column("path", "VARCHAR", "without a leading slash; control characters and bytes that are not UTF-8 are escaped"),
        Column("dir3", "VARCHAR", "the first three components of the directory; empty for the root directory"),
        Column("kind", "VARCHAR", "`file`, `hardlink`, `symlink`, `dir`, `char`, `block` or `fifo`"),
        Column("size", "BIGINT", "bytes of content; 0 for everything but regular files"),
        Column("compressed_size", "BIGINT", "its part of the blob, headers included; NULL if unknown"),
        Column("content", "UUID", "all 128 bits of the content hash; NULL for entries without content"),
        Column("mode", "UINTEGER", "permission bits"),
        Column("uid", "BIGINT", "of the owner"),
        Column("gid", "BIGINT", "of the group"),
        Column("rule", "VARCHAR", "id of the rule for rarely needed files that claims the entry; NULL if none does"),
    ), needs_files=True),
)  # fmt: skip
#: name → table
BY_NAME = {table.name: table for table in TABLES}
