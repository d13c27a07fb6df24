#!/usr/bin/python3
"""Bugs planted on purpose: each patch of this folder is applied to a copy of the tree, and the tests must find it.

    planted.py prepare      copies the tree and runs, without any patch, what the patches name: it must be green
    planted.py NAME         applies NAME.patch, builds, runs tests until one is red, and takes the patch away again
    planted.py all          both, for every patch
    planted.py bites        does this program find out what was not found?

A patch is a unified diff behind a header:

    Breaks: what the rule is and what is done to it
    Floor: what would go wrong on the floor
    Found-by: SUITE/TEST: NAME_OF_THE_TEST

Only what the test named there needs is built, and it alone is run; where it stays green the others follow, and the first
red one is printed."""
import concurrent.futures
import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SOURCE = os.environ.get("WHARF_SOURCE", os.getcwd())
HOME = os.path.join(SOURCE, "tests", "planted")
PLACE = os.path.join(os.environ.get("WHARF_BUILD", os.path.join(SOURCE, ".build/dev")), "planted")
TREE, BUILD = PLACE + "/tree", PLACE + "/build"
JOBS = 2
SKIPPED = 77
TEST_S = 120

# Tests of the core and of what carries its answers out, quick ones first: the order they are asked in.
TESTS = """scenario/commands scenario/picking scenario/packing scenario/conveyor scenario/orders scenario/link
scenario/people scenario/limits scenario/retention scenario/segments scenario/import scenario/waves unit/store unit/store_plans
unit/states unit/turn unit/plc_orders unit/plc_handshake unit/print_run unit/print_jobs unit/sync_edge unit/sync_edge_up unit/sync_hub
unit/hq_store unit/door_client system/core system/wharfd system/rules order/deliveries order/trace""".split()
# What scripts start: those of a suite, or of one test.
SCRIPT_PROGRAMS = {
    "system": ["wharfd", "wharf"],
    "order/trace": """wharfd wharf wharf-web wharf-sync wharf-bridge wharf-print wharf-plc wharf-hq wharf-sim""".split(),
}
# The rules no floor can do without: a patch of these may be written anew, but not be missing.
KEPT = """early-beep no-dedupe autocommit-store autocommit-turn print-before-taken late-divert-written heard-ignored
step-ignored closed-uses-up-the-id refusal-uses-up-the-id ids-erased-by-a-jump live-rules""".split()
# A nightly run makes the tests long; here each is asked again and again.
ENVIRONMENT = {word: value for word, value in os.environ.items() if word != "WHARF_NIGHTLY"} | {
    "WHARF_BIN": BUILD + "/bin", "WHARF_SOURCE": TREE, "WHARF_BUILD": BUILD, "PYTHONPATH": TREE + "/tests/lib"}


class Skipped(Exception):
    """A test that cannot run here."""


def say(*words, sep=" "):
    print(*words, sep=sep, flush=True)


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


def script_of(test):
    suite, name = test.split("/")
    script = f"{TREE}/tests/{suite}/test_{name}.py"
    return script if os.path.exists(script) else None


def program_of(test):
    suite, name = test.split("/")
    return f"test_{name}" if suite == "unit" else f"test_{suite}_{name}"


def targets_of(tests):
    """What is built for them, and nothing else: most of a patch's time is linking."""
    targets = set()
    for test in tests:
        targets.update((SCRIPT_PROGRAMS.get(test) or SCRIPT_PROGRAMS[test.split("/")[0]]) if script_of(test) else [program_of(test)])
    return sorted(targets)


def build(tests):
    return run("cmake", "--build", BUILD, "-j", str(JOBS), "--target", *targets_of(tests))


def red_tests(output):
    """Names of the tests that cmocka and run_tests() say have failed, as they are in the source."""
    names = re.findall(r"^(?:\d+: )?\[  FAILED  \] (?:\S+: )?([a-z]\w*)$", output, re.M)
    names += ["test_" + name.strip().replace(" ", "_") for name in re.findall(r"^(?:\d+: )?failed: (.*)$", output, re.M)]
    return list(dict.fromkeys(names))


def command_of(test, function):
    """Only the one function of a script: the others of a system test take long."""
    script = script_of(test)
    return [sys.executable, "-B", script, *([function] if function else [])] if script else [f"{BUILD}/bin/{program_of(test)}"]


def run_program(test, function=None):
    """Its exit code and output, and nothing is left running of one that hangs."""
    where = f"{BUILD}/tests/{test.split('/')[0]}"
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        program = subprocess.Popen(command_of(test, function), cwd=where, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=said,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        try:
            code = program.wait(TEST_S)
        except subprocess.TimeoutExpired:
            os.killpg(program.pid, signal.SIGKILL)
            code = program.wait()
        said.seek(0)
        return code, said.read()


def run_test(test, function=None):
    """What is red in it, none where it is green; "crash" where it ended without naming one."""
    code, output = run_program(test, function)
    if code == SKIPPED:
        raise Skipped(f"{test}: {output.strip()}")
    return [] if code == 0 else red_tests(output) or ["crash"]


def is_green(asked):
    """Whether one (test, function) is green without a patch; a skipped one says nothing, and its patches skip too."""
    code, output = run_program(*asked)
    if code not in (0, SKIPPED):
        say(f"{' '.join(filter(None, asked))} ended with {code}:", *output.splitlines()[-40:], sep="\n")
    return code in (0, SKIPPED)


def asked_first(name):
    test, function = header_of(name)
    return test, function if script_of(test) else None


def prepare():
    missing = [name for name in KEPT if name not in patches()]
    if missing:
        fail(f"there is no patch {missing[0]} any more")
    os.makedirs(TREE, exist_ok=True)
    began = time.monotonic()
    copy_tree()
    configure()
    asked = sorted({asked_first(name) for name in patches()}, key=str)
    done = build([test for test, _ in asked])
    if done.returncode:
        fail("the copy does not build", done.stdout)
    say(f"built in {time.monotonic() - began:.0f} s")
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        if not all(list(pool.map(is_green, asked))):
            fail("a test is red without any patch: nothing that it finds then means anything")
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


def find(wanted, function):
    """The first red test and what is red in it; None where all stay green."""
    red = run_test(wanted, function)
    if red:
        return wanted, red
    # Its header is wrong, or the test does not bite: maybe another one does.
    built = build(TESTS)
    if built.returncode:
        fail("the other tests do not build", built.stdout)
    for test in TESTS:
        with contextlib.suppress(Skipped):
            red = run_test(test)
            if red:
                return test, red
    return None


def plant(name):
    began = time.monotonic()
    wanted, function = header_of(name)
    copy_tree()
    checked = apply_patch(name, "--check")
    if checked.returncode:
        fail(f"planted {name}: the patch no longer applies", checked.stdout)
    try:
        apply_patch(name)
        check_applied(name)
        done = build([wanted])
        if done.returncode:
            fail(f"planted {name}: does not build", done.stdout)
        found = find(wanted, function if script_of(wanted) else None)
    finally:
        copy_tree()
    if not found:
        fail(f"planted {name}: NOT FOUND")
    test, red = found
    say(f"planted {name}: found by {test}: {' '.join(red)} in {time.monotonic() - began:.1f} s"
        + ("" if test == wanted and function in red else f" (its header names {wanted}: {function})"))


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


def plant_all():
    skipped = []
    for name in patches():
        try:
            plant(name)
        except Skipped as why:
            skipped.append(f"planted {name}: skipped, {why}")
    say(*skipped, sep="\n")


def main(what):
    began = time.monotonic()
    if not shutil.which("git"):
        raise Skipped("git is not here to apply patches")
    if what == "bites":
        bites()
    if what in ("prepare", "all"):
        prepare()
    if what == "all":
        plant_all()
        say(f"{len(patches())} patches in {time.monotonic() - began:.0f} s")
    elif what != "prepare":
        plant(what)


if len(sys.argv) != 2:
    sys.exit(__doc__)
try:
    main(sys.argv[1])
except Skipped as reason:
    say(f"skipped: {reason}")
    sys.exit(SKIPPED)
