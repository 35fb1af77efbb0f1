"""Writes the blocking client from the one for event loops, so that both have the same calls: python write_sync.py [FOLDER]

Both are thin: what they do is in lora_squeeze.core. `sync/transport.py` and `sync/__init__.py` are not written.
"""

import pathlib
import re
import sys

SOURCES = pathlib.Path(__file__).parent / "src" / "lora_squeeze"
NOT_WRITTEN = ("__init__.py", "transport.py")
CHANGES = [
    (r"\bAsyncIterator\b", "Iterator"),
    (r"\bAsyncClient\b", "Client"),
    (r"\blora_squeeze\.aio\b", "lora_squeeze.sync"),
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\baclose\b", "close"),
    (r"\b__a(enter|exit)__\b", r"__\1__"),
]
#: On one line, or with its names in parentheses.
OWN_IMPORT = r"from lora_squeeze\.[^\n(]+(?:\([^)]*\))?\n"
HEADER = "# Written from aio/{name} by write_sync.py: change that.\n"


def blocking(name: str, source: str) -> str:
    for pattern, replacement in CHANGES:
        source = re.sub(pattern, replacement, source)
    own_imports = re.compile(f"(?:^{OWN_IMPORT})+", re.MULTILINE)
    source = own_imports.sub(lambda block: "".join(sorted(re.findall(OWN_IMPORT, block[0]))), source)
    return HEADER.format(name=name) + source


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCES / "sync"
    for path in sorted((SOURCES / "aio").glob("*.py")):
        if path.name not in NOT_WRITTEN:
            (folder / path.name).write_text(blocking(path.name, path.read_text(encoding="utf-8")), encoding="utf-8")
