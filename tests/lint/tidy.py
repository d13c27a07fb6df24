#!/usr/bin/python3
"""clang-tidy over all sources, two at a time. What was clean is remembered by the hash of the source, every header it reads,
its compiler arguments and the rules; only what changed costs time."""
import hashlib
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import commands

ROOT = os.environ["WHARF_SOURCE"]
BUILD = os.environ["WHARF_BUILD"]
KNOWN = os.path.join(ROOT, ".build", "lint")
AT_A_TIME = int(os.environ.get("WHARF_LINT_JOBS", "2"))

# How far the analyzer follows the paths of one function: by itself 225,000 nodes, which costs four times as much.
NODES_MAX = 225000 if os.environ.get("WHARF_NIGHTLY") else 50000
ANALYZER = ["-Xclang", "-analyzer-config", "-Xclang", f"max-nodes={NODES_MAX}"]

PLANTED = """#include <string.h>
int planted(int n);
int planted(int n)
{
	int *p = NULL, a[4] = { 0 };
	if (n > 3)
		p = &n;
	memset(a, 0, sizeof(sizeof(a)));
	return *p + a[0];
}
"""


def file_hash(path, seen):
    if path not in seen:
        try:
            with open(path, "rb") as f:
                seen[path] = hashlib.blake2b(f.read(), digest_size=16).hexdigest()
        except FileNotFoundError:
            seen[path] = "gone"
    return seen[path]


def headers(entry):
    """Everything a source reads, by the compiler's own word; empty where it does not compile."""
    words = ["clang", "-M", "-w", *commands.arguments(entry), entry["file"]]
    r = subprocess.run(words, cwd=entry["directory"], capture_output=True, text=True)
    return r.stdout.replace("\\\n", " ").split()[1:] if r.returncode == 0 else []


def rules(tidy):
    version = subprocess.run([tidy, "--version"], capture_output=True, text=True).stdout
    text = version + str(NODES_MAX)
    for path in (".clang-tidy", "tests/.clang-tidy", "tests/lint/tidy.py", "tests/lint/commands.py"):
        with open(os.path.join(ROOT, path), encoding="utf-8") as f:
            text += f.read()
    return text


class Lint:
    def __init__(self, tidy):
        self.tidy = tidy
        self.rules = rules(tidy)
        self.seen = {}
        os.makedirs(KNOWN, exist_ok=True)

    def mark(self, entry):
        """The file whose presence says: exactly this was clean."""
        read = headers(entry)
        if not read:
            return None
        h = hashlib.blake2b(self.rules.encode(), digest_size=16)
        h.update(" ".join(commands.arguments(entry)).replace(ROOT, "").encode())
        for path in sorted(set(read)):
            full = os.path.join(entry["directory"], path)
            h.update(file_hash(full, self.seen).encode())
        return os.path.join(KNOWN, h.hexdigest())

    def check(self, entry):
        """(cost nothing, text of the warnings)."""
        mark = self.mark(entry)
        if mark and os.path.exists(mark):
            os.utime(mark)
            return True, ""
        words = [self.tidy, "--quiet", entry["file"], "--", *commands.arguments(entry), *ANALYZER]
        r = subprocess.run(words, cwd=entry["directory"], capture_output=True, text=True)
        if r.returncode == 0 and mark:
            with open(mark, "w", encoding="utf-8"):
                pass
        return False, "" if r.returncode == 0 else r.stdout or r.stderr


def check_all(lint, entries):
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        results = list(pool.map(lint.check, entries))
    for text in (text for _, text in results if text):
        print(text.replace(ROOT + "/", ""))
    bad = sum(1 for _, text in results if text)
    known = sum(1 for cheap, _ in results if cheap)
    print(f"{len(results)} files, {known} of them known to be clean, {bad} with warnings")
    return bad


def self_test(lint):
    """A planted null pointer and a planted wrong size must be found."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "planted.c")
        with open(path, "w", encoding="utf-8") as f:
            f.write(PLANTED)
        with open(os.path.join(folder, ".clang-tidy"), "w", encoding="utf-8") as f:
            f.write(open(os.path.join(ROOT, ".clang-tidy"), encoding="utf-8").read())
        entry = {"file": path, "directory": folder, "command": f"cc -std=c11 -c {path}"}
        _, text = lint.check(entry)
    if "clang-analyzer-core.NullDereference" in text and "bugprone-sizeof-expression" in text:
        return 0
    print("the planted null pointer and wrong size were not found:", text)
    return 1


def main():
    tidy = next((name for name in ("clang-tidy-14", "clang-tidy")
                 if subprocess.run(["which", name], capture_output=True).returncode == 0), None)
    if not tidy:
        commands.skip("clang-tidy is not installed")
    lint = Lint(tidy)
    if "--self-test" in sys.argv:
        return self_test(lint)
    return 1 if check_all(lint, commands.entries(BUILD)) else 0


sys.exit(main())
