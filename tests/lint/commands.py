"""What is compiled and how, from compile_commands.json."""
import json
import os
import shlex
import sys

# Text of third parties, or made by a script from data.
GENERATED = "/.build/"


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def entries(build):
    """One command per source of ours, in the order of their names."""
    path = os.path.join(build, "compile_commands.json")
    if not os.path.exists(path):
        skip(f"{path} is missing: the build folder is not configured")
    with open(path, encoding="utf-8") as f:
        rows = json.load(f)
    by_file = {row["file"]: row for row in rows if GENERATED not in row["file"]}
    return [by_file[name] for name in sorted(by_file)]


def arguments(entry):
    """Of the compiler, without its own name, its launcher and output, and without what differs from preset to preset."""
    words = shlex.split(entry["command"])
    while words and not os.path.basename(words[0]).startswith(("cc", "gcc", "clang")) or \
            os.path.basename(words[0]) == "ccache":
        words.pop(0)
    kept, skip_next = [], False
    for word in words[1:]:
        if skip_next:
            skip_next = False
        elif word in ("-o", "-c"):
            skip_next = True
        elif not word.startswith(("-fsanitize", "-fno-sanitize", "-fno-omit", "-O", "-g")):
            kept.append(word)
    return kept
