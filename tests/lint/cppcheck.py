#!/usr/bin/python3
"""cppcheck over all sources, two at a time. What it found out about a file is kept in .build/cppcheck and used as long as the
file, its headers and the rules stay."""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

import commands

ROOT = os.environ["WHARF_SOURCE"]
BUILD = os.environ["WHARF_BUILD"]
HERE = os.path.dirname(os.path.abspath(__file__))
KNOWN = os.path.join(ROOT, ".build", "cppcheck")
AT_A_TIME = os.environ.get("WHARF_LINT_JOBS", "2")

RULES = ["--quiet", "--std=c11", "--enable=warning,style,performance,portability", "--inline-suppr",
         f"--library={HERE}/cppcheck.cfg", f"--suppressions-list={HERE}/cppcheck.suppressions",
         "--template={file}:{line}: {severity}: {id}: {message}", "--error-exitcode=1", "-j", AT_A_TIME]

PLANTED = """int planted(int n);
int planted(int n)
{
	int a[4] = { 0 };
	if (n == 5)
		return a[n];
	return a[0];
}
"""


def known_folder():
    """One per version of the rules: cppcheck itself looks at the sources only."""
    h = hashlib.blake2b(" ".join(RULES).encode(), digest_size=8)
    for name in ("cppcheck.cfg", "cppcheck.suppressions"):
        with open(os.path.join(HERE, name), "rb") as f:
            h.update(f.read())
    folder = os.path.join(KNOWN, h.hexdigest())
    os.makedirs(folder, exist_ok=True)
    return folder


def run(words):
    r = subprocess.run(["cppcheck", *RULES, *words], capture_output=True, text=True)
    text = (r.stdout + r.stderr).replace(ROOT + "/", "")
    return r.returncode, text


def self_test():
    """A planted index behind the end must be found."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "planted.c")
        with open(path, "w", encoding="utf-8") as f:
            f.write(PLANTED)
        code, text = run([path])
    if code and "arrayIndexOutOfBounds" in text:
        return 0
    print("the planted index behind the end was not found:", text)
    return 1


def main():
    if not shutil.which("cppcheck"):
        commands.skip("cppcheck is not installed")
    if "--self-test" in sys.argv:
        return self_test()
    commands.entries(BUILD)
    code, text = run([f"--cppcheck-build-dir={known_folder()}", f"--project={BUILD}/compile_commands.json", f"-i{BUILD}"])
    print(text)
    return 1 if code else 0


sys.exit(main())
