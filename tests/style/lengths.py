#!/usr/bin/python3
"""No function is longer than 70 lines, no C file longer than 600."""
import os
import re
import sys
import tempfile

FUNCTION_MAX = 70
FILE_MAX = 600
FOLDERS = ["src", "drivers", "labels", "firmware-bridge", "tests"]
TITLE = re.compile(r"\b([A-Za-z_]\w*)\s*\(")


def c_files(root):
    for folder in FOLDERS:
        for here, folders, files in os.walk(os.path.join(root, folder)):
            for name in sorted(files):
                if name.endswith((".c", ".h")):
                    yield os.path.join(here, name)


def functions(lines):
    """(name, lines of the body) for each function: its braces stand in the first column."""
    start = None
    for i, line in enumerate(lines):
        if line.startswith("{"):
            start = i
        elif line.startswith("}") and start is not None:
            title = "".join(lines[max(0, start - 6):start])
            names = [n for n in TITLE.findall(title) if n != "__attribute__"]
            yield (names[-1] if names else "?"), i - start - 1
            start = None


def check(path):
    lines = open(path, encoding="utf-8").readlines()
    faults = []
    if len(lines) > FILE_MAX:
        faults.append(f"{path}: {len(lines)} lines, more than {FILE_MAX}")
    for name, length in functions(lines):
        if length > FUNCTION_MAX:
            faults.append(f"{path}: {name}() has {length} lines, more than {FUNCTION_MAX}")
    return faults


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.c")
        open(path, "w").write("static int long_one(int a,\n\tint b)\n{\n" + "\ta();\n" * 71 + "}\n" +
                              "int short_one(void)\n{\n" + "\ta();\n" * 70 + "}\n" +
                              "int a;\n" * 460)
        found = " ".join(check(path))
    wanted = ["long_one() has 71 lines", "608 lines"]
    return [f"not found: {w}" for w in wanted if w not in found] + \
           (["wrongly found: short_one"] if "short_one" in found else [])


def main():
    root = os.environ.get("WHARF_SOURCE", os.getcwd())
    faults = self_test() if "--self-test" in sys.argv else [f for p in c_files(root) for f in check(p)]
    for fault in faults:
        print(fault.replace(root + "/", ""))
    return 1 if faults else 0


sys.exit(main())
