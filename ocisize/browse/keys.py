"""The keys of the screen: one table for the bindings, the footer and the help."""

from __future__ import annotations

from ocisize.tuples import NamedTuple


class Key(NamedTuple):
    """A key, or several with the same meaning."""

    keys: str  #: as Textual names them, between commas
    shown: str  #: as people read them
    action: str  #: the action of the app; "" if a pane handles the key
    about: str  #: what it does
    footer: str = ""  #: its word in the footer; "" leaves it out


TYPED_ACTIONS = frozenset(("results", "leave"))  #: actions of keys while the text of a search is typed
KEYS = (
    Key("", "↑ ↓ k j", "", "move the cursor; PgUp PgDn, g and G go further"),
    Key("", "→ l", "", "open the directory"),
    Key("", "← h", "", "close the directory, or go to the one above"),
    Key("", "Enter Space", "", "open or close; in a list: show the path in the tree"),
    Key("", "Tab", "", "go to the next pane"),
    Key("question_mark", "?", "help", "show these keys", "Help"),
    Key("slash", "/", "filter", "search a text, or a glob such as *.pyc or /usr/lib/**", "Search"),
    Key("s", "s", "sort('size')", "sort by unpacked size", "Size"),
    Key("d", "d", "sort('download')", "sort by download", "Download"),
    Key("w", "w", "sort('waste')", "sort by waste", "Waste"),
    Key("n", "n", "sort('name')", "sort by name"),
    Key("N", "N", "next_wasted", "go to the next wasted file", "Wasted"),
    Key("P", "P", "previous_wasted", "go to the wasted file before"),
    Key("C", "C", "close_all", "close all directories"),
    Key("a", "a", "alone", "show the layer alone, or the image up to the layer"),
    Key("m", "m", "mark", "mark the path, or take the mark away", "Mark"),
    Key("x", "x", "export", "write the marked paths to a file", "Export"),
    Key("y", "y", "copy", "copy the path"),
    Key("f", "f", "next_kind", "in the diff: show files of one status, or all again", "Status"),
    Key("", "1 - 8", "", "the tree, or the list of a tab"),
    Key("enter,down", "Enter ↓", "results", "in the search: go to the results", "Results"),
    Key("escape", "Esc", "leave", "end the search, or close this window", "Back"),
    Key("q", "q Ctrl-C", "leave_program", "quit", "Quit"),
)


def describe_keys() -> str:
    """All keys, one a line.

    >>> describe_keys().splitlines()[1]
    '→ l          open the directory'
    """
    return "\n".join(f"{key.shown:<12} {key.about}" for key in KEYS)
