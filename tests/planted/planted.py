#!/usr/bin/python3
"""Bugs planted on purpose: each patch of this folder is applied to a copy of the tree, and the tests must find it.

    planted.py prepare      copies the tree, builds it and runs the tests without any patch: they must be green
    planted.py NAME         applies NAME.patch, builds, runs tests until one is red, and takes the patch away again
    planted.py all          both, for every patch
    planted.py bites        does this program find out what was not found?

A patch is a unified diff behind a header:

    Breaks: what the rule is and what is done to it
    Floor: what would go wrong on the floor
    Found-by: SUITE/TEST: NAME_OF_THE_TEST

The test named there runs first; where it stays green the others follow, and the first red one is printed."""
import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

SOURCE = os.environ.get("WHARF_SOURCE", os.getcwd())
HOME = os.path.join(SOURCE, "tests", "planted")
PLACE = os.path.join(os.environ.get("WHARF_BUILD", os.path.join(SOURCE, ".build/dev")), "planted")
TREE, BUILD = PLACE + "/tree", PLACE + "/build"
JOBS = "2"
SKIPPED = 77
TEST_S = 120

# Tests of the core and of what carries its answers out, quick ones first: the order they are asked in.
TESTS = """scenario/commands scenario/picking scenario/packing scenario/conveyor scenario/orders scenario/link
scenario/people scenario/limits scenario/retention scenario/segments unit/store unit/states unit/turn unit/plc_orders
unit/plc_handshake unit/print_run unit/print_jobs unit/sync_edge unit/sync_edge_up unit/sync_hub unit/hq_store
unit/door_client system/core system/wharfd system/rules""".split()
# What scripts start, beside the programs of their own.
PROGRAMS = ["wharfd", "wharf"]


def say(*words):
    print(*words, flush=True)


def run(*argv, **more):
    return subprocess.run(argv, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **more)


def fail(why, output=""):
    say("\n".join(output.splitlines()[-40:]))
    say(f"failed: {why}")
    sys.exit(1)


def must(why, *argv, **more):
    done = run(*argv, **more)
    if done.returncode:
        fail(why, done.stdout)
    return done.stdout


def tree_files():
    """The working files, changed ones too, without what is built."""
    listed = run("git", "-C", SOURCE, "ls-files", "-co", "--exclude-standard", "-z")
    if listed.returncode == 0:
        return [name for name in listed.stdout.split("\0") if name and os.path.exists(os.path.join(SOURCE, name))]
    names = []
    for here, folders, files in os.walk(SOURCE):
        folders[:] = [f for f in folders if f not in (".build", ".git", "node_modules")]
        names += [os.path.relpath(os.path.join(here, name), SOURCE) for name in files]
    return names


def same(a, b):
    try:
        with open(a, "rb") as one, open(b, "rb") as other:
            return one.read() == other.read()
    except OSError:
        return False


def copy_tree():
    """Only what changed is written, so that a second run builds only that."""
    wanted = set(tree_files())
    for name in wanted:
        source, target = os.path.join(SOURCE, name), os.path.join(TREE, name)
        if not same(source, target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copyfile(source, target)
            shutil.copymode(source, target)
    for here, _, files in os.walk(TREE):
        for name in files:
            path = os.path.join(here, name)
            if os.path.relpath(path, TREE) not in wanted:
                os.unlink(path)


def configure():
    launcher = shutil.which("ccache")
    must("the copy cannot be configured", "cmake", "-S", TREE, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
         "-DCMAKE_C_FLAGS_DEBUG=-O0", "-DWHARF_WERROR=OFF", *([f"-DCMAKE_C_COMPILER_LAUNCHER={launcher}"] if launcher else []))


def target_of(test):
    suite, name = test.split("/")
    return {"scenario": [f"test_scenario_{name}"], "unit": [f"test_{name}"], "system": PROGRAMS}[suite]


def build():
    targets = sorted({target for test in TESTS for target in target_of(test)})
    return run("cmake", "--build", BUILD, "-j", JOBS, "--target", *targets)


def red_tests(output):
    """Names of the tests that cmocka and run_tests() say have failed, as they are in the source."""
    names = re.findall(r"^(?:\d+: )?\[  FAILED  \] (?:\S+: )?([a-z]\w*)$", output, re.M)
    names += ["test_" + name.strip().replace(" ", "_") for name in re.findall(r"^(?:\d+: )?failed: (.*)$", output, re.M)]
    return list(dict.fromkeys(names))


def run_test(test):
    """None where it is green, else the names of what is red; "crash" where it ended without naming one."""
    done = run("ctest", "--test-dir", BUILD, "-R", f"^{test}$", "-V", "--no-tests=error", "--timeout", str(TEST_S))
    if done.returncode == 0:
        return None
    return red_tests(done.stdout) or ["crash"]


def named_is_red(test, function):
    """Asks the one function of a script alone: the others of a system test take long."""
    script = f"{TREE}/tests/system/test_{test.split('/')[1]}.py"
    environment = {**os.environ, "WHARF_BIN": BUILD + "/bin", "WHARF_SOURCE": TREE, "PYTHONPATH": TREE + "/tests/lib"}
    done = run(sys.executable, "-B", script, function, env=environment)
    return done.returncode != 0 and function in red_tests(done.stdout)


def prepare():
    if not shutil.which("git"):
        say("skipped: git is not here to apply patches")
        sys.exit(SKIPPED)
    os.makedirs(TREE, exist_ok=True)
    began = time.monotonic()
    copy_tree()
    configure()
    done = build()
    if done.returncode:
        fail("the copy does not build", done.stdout)
    say(f"built in {time.monotonic() - began:.0f} s")
    pattern = "^(" + "|".join(TESTS) + ")$"
    must("the suite is red without any patch: nothing that is found then means anything", "ctest", "--test-dir", BUILD, "-R",
         pattern, "-j", JOBS, "--no-tests=error", "--output-on-failure", "--timeout", str(TEST_S))
    say(f"green without a patch after {time.monotonic() - began:.0f} s")


def header_of(name):
    """The header's values by word; each may go on in the next line."""
    with open(f"{HOME}/{name}.patch", encoding="utf-8") as f:
        head = f.read().split("--- ", 1)[0]
    found = dict(re.findall(r"^([A-Z][a-z-]+): ((?:.*\n)(?:[ \t].*\n)*)", head, re.M))
    missing = [word for word in ("Breaks", "Floor", "Found-by") if not found.get(word, "").strip()]
    if missing:
        fail(f"{name}.patch: its header has no {missing[0]}")
    test, _, function = found["Found-by"].strip().partition(": ")
    if test not in TESTS or not function:
        fail(f"{name}.patch: Found-by must be SUITE/TEST: NAME of {', '.join(TESTS)}")
    return test, function


def apply_patch(name, *more):
    # The copy lies inside a repository that ignores it; git must not look there.
    return run("git", "apply", "--whitespace=nowarn", *more, f"{HOME}/{name}.patch", cwd=TREE,
               env={**os.environ, "GIT_CEILING_DIRECTORIES": PLACE})


def touched(name):
    with open(f"{HOME}/{name}.patch", encoding="utf-8") as f:
        return re.findall(r"^\+\+\+ b/(\S+)", f.read(), re.M)


def check_applied(name):
    """git skips a file outside its idea of the tree without a word."""
    if all(same(os.path.join(SOURCE, path), os.path.join(TREE, path)) for path in touched(name)):
        fail(f"planted {name}: the patch changed nothing")


def find(name):
    """The first red test and what is red in it; None where all stay green."""
    wanted, function = header_of(name)
    if wanted.startswith("system/") and named_is_red(wanted, function):
        return wanted, [function], True
    for test in [wanted] + [t for t in TESTS if t != wanted]:
        red = run_test(test)
        if red is not None:
            return test, red, test == wanted and function in red
    return None


def plant(name):
    began = time.monotonic()
    copy_tree()
    checked = apply_patch(name, "--check")
    if checked.returncode:
        fail(f"planted {name}: the patch no longer applies", checked.stdout)
    try:
        apply_patch(name)
        check_applied(name)
        done = build()
        if done.returncode:
            fail(f"planted {name}: does not build", done.stdout)
        found = find(name)
    finally:
        copy_tree()
    if not found:
        fail(f"planted {name}: NOT FOUND")
    test, red, as_named = found
    say(f"planted {name}: found by {test}: {' '.join(red)} in {time.monotonic() - began:.0f} s"
        + ("" if as_named else f" (its header names {' '.join(header_of(name))})"))


def patches():
    return sorted(name[:-len(".patch")] for name in os.listdir(HOME) if name.endswith(".patch"))


def said_of(name):
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        plant(name)
    return said.getvalue()


def bites():
    """A harmless change must not count as found, nor a patch that fits nothing as applied."""
    global HOME, TESTS
    HOME, TESTS = tempfile.mkdtemp(prefix="wharf-planted."), ["scenario/people"]
    header = "Breaks: nothing\nFloor: nothing\nFound-by: scenario/people: a_day_of_uptime_is_a_mark\n\n"
    hunk = "--- a/src/engine/site.c\n+++ b/src/engine/site.c\n@@ -1,1 +1,2 @@\n+/* Harmless. */\n "
    with open(os.path.join(SOURCE, "src/engine/site.c"), encoding="utf-8") as f:
        first = f.readline()
    faults = []
    for line, wanted in [(first, "NOT FOUND"), ("no such line\n", "no longer applies")]:
        with open(HOME + "/bite.patch", "w", encoding="utf-8") as f:
            f.write(header + hunk + line)
        said = said_of("bite")
        if wanted not in said:
            faults.append(f"failed: {wanted} was wanted, got: {said}")
    shutil.rmtree(HOME)
    say("\n".join(faults))
    sys.exit(1 if faults else 0)


def main(what):
    if what == "bites":
        bites()
    for name in patches() if what == "all" else []:
        header_of(name)
    if what in ("prepare", "all"):
        prepare()
    for name in patches() if what == "all" else [what] if what != "prepare" else []:
        plant(name)


if len(sys.argv) != 2:
    sys.exit(__doc__)
main(sys.argv[1])
