#!/usr/bin/python3
"""Every rule of docs/core.md names tests that exist, and every planted bug a test that exists and runs.

A row is `| rule | test |`, a test `folder/program: function` (or `folder/program` alone for what is one piece), with <br>
between them; a patch of tests/planted says Found-by: folder/program: function."""
import glob
import os
import re
import sys
import tempfile

HEAD = "| rule | test |"


def source_of(root, program):
    """The file of tests/FOLDER/[…/]test_NAME.c or .py; programs of one piece have other names."""
    folder, _, name = program.partition("/")
    for pattern in (f"test_{name}.c", f"test_{name}.py", f"*/test_{name}.c", f"{folder}_{name}.c", f"{name}.py", f"{name}.sh"):
        found = glob.glob(os.path.join(root, "tests", folder, pattern))
        if found:
            return found[0]
    return None


def is_run(text, function):
    """Written down and, in C, also in the list of main()."""
    if re.search(rf"^\s*def {function}\(", text, re.M):
        return True
    defined = re.search(rf"^(SCENE\({function}\)|static void {function}\(void \*\*)", text, re.M)
    return bool(defined) and len(re.findall(rf"\b{function}\b", text)) > 1


def fault_of(root, named):
    """Why `folder/program: function` is no test; None where it is one."""
    program, _, function = named.partition(": ")
    source = source_of(root, program)
    if not source:
        return f"there is no {program}"
    with open(source, encoding="utf-8") as f:
        text = f.read()
    if function and not is_run(text, function):
        return f"{program} has no test {function}"
    return None


def check_table(root):
    faults, inside = [], False
    with open(os.path.join(root, "docs/core.md"), encoding="utf-8") as f:
        lines = f.read().splitlines()
    for number, line in enumerate(lines, 1):
        if not line.startswith("|"):
            inside = False
        elif line == HEAD:
            inside = True
        elif inside and not line.startswith("|---"):
            tests = line.split(" | ")[-1].rstrip("| ").split("<br>")
            for test in tests:
                why = fault_of(root, test.strip("`")) if re.fullmatch(r"`[^`]+`", test) else f"not a test's name: {test}"
                faults += [f"docs/core.md:{number}: {why}"] if why else []
    if HEAD not in lines:
        faults.append(f"docs/core.md: no table begins with {HEAD}")
    return faults


def check_patches(root):
    faults = []
    for path in sorted(glob.glob(os.path.join(root, "tests/planted/*.patch"))):
        with open(path, encoding="utf-8") as f:
            named = re.search(r"^Found-by: (\S+: \w+)$", f.read(), re.M)
        why = fault_of(root, named.group(1)) if named else "no line Found-by: folder/program: function"
        faults += [f"{os.path.relpath(path, root)}: {why}"] if why else []
    return faults


def put(root, name, text):
    path = os.path.join(root, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def self_test():
    with tempfile.TemporaryDirectory() as root:
        put(root, "tests/unit/test_a.c", "static void runs(void **state)\n{\n}\nstatic void left_out(void **state)\n{\n}\n"
                                         "\tcmocka_unit_test(runs),\n")
        put(root, "tests/system/test_b.py", "def test_there():\n    pass\n")
        put(root, "docs/core.md", HEAD + "\n|---|---|\n| good | `unit/a: runs`<br>`system/b: test_there` |\n| one | `unit/a: left_out` |\n"
                                         "| two | `unit/a: gone` |\n| three | `unit/c: runs` |\n| four | none |\n")
        put(root, "tests/planted/x.patch", "Found-by: system/b: test_gone\n")
        found = check_table(root) + check_patches(root)
    wanted = [":4: unit/a has no test left_out", ":5: unit/a has no test gone", ":6: there is no unit/c", ":7: not a test's name",
              "x.patch: system/b has no test test_gone"]
    return [f"not found: {w}" for w in wanted if not any(w in f for f in found)] + \
           ([f"found too much: {found}"] if len(found) != len(wanted) else [])


def main():
    root = os.environ.get("WHARF_SOURCE", os.getcwd())
    faults = self_test() if "--self-test" in sys.argv else check_table(root) + check_patches(root)
    for fault in faults:
        print(fault)
    return 1 if faults else 0


sys.exit(main())
