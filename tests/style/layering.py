#!/usr/bin/python3
"""Who may include whom, which outside libraries where, and what stands in the top folder."""
import os
import re
import subprocess
import sys
import tempfile

# A folder sees its own headers and those of the folders named here.
LAYERS = {
    "src/base": [],
    "drivers": [],
    "labels": ["src/base"],
    "firmware-bridge": ["src/base", "drivers", "labels"],
    "src/store": ["src/base"],
    "src/engine": ["src/base", "src/store"],
    "src/dialogue": ["src/base", "src/store", "src/engine"],
    "src/core": ["src/base", "src/store", "src/engine", "src/dialogue"],
    "src/web": ["src/base"],
    "src/sync": ["src/base"],
    "src/hq": ["src/base", "src/sync"],
    "src/cli": ["src/base"],
    "src/sim": ["src/base"],
}
# labels/gs1* is a leaf that all may include, and which itself needs libc only.
LEAF = re.compile(r"^labels/gs1[a-z0-9_]*\.[ch]$")

# Outside headers that belong to few folders.
OUTSIDE = {
    "sqlite3.h": ["src/store", "src/hq"],
    "zmq.h": ["src/sync", "src/hq"],
    "modbus.h": ["firmware-bridge", "src/sim"],
    "modbus/modbus.h": ["firmware-bridge", "src/sim"],
    "cups/cups.h": ["firmware-bridge"],
    "zint.h": ["labels"],
    "microhttpd.h": ["src/web"],
    "gnutls/gnutls.h": ["src/web"],
    "lua.h": ["src/engine"],
    "libusb.h": ["firmware-bridge"],
    "libudev.h": ["firmware-bridge"],
}
# Pure code: what it needs comes as an argument.
LIBC_ONLY = re.compile(r"^drivers/|^labels/gs1")
LIBC = re.compile(r"^(assert|ctype|errno|inttypes|limits|stdarg|stdbool|stddef|stdint|stdio|stdlib|string|strings)\.h$")
TIMELESS = re.compile(r"^(drivers|src/engine|src/dialogue)/|^src/sync/(edge|hub|frame)")
CLOCKS = re.compile(r"\b(clock_real_us|clock_boot_us|clock_gettime|gettimeofday|time|rand|random|getrandom|randombytes_buf)\s*\(")

TOP = {"CMakeLists.txt", "firmware-bridge", "src", "drivers", "labels", "systemd", "tests", "docs",
       "README.md", "LICENSE", "CHANGELOG.md", "demo", "check"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)


def folder_of(path):
    for folder in LAYERS:
        if path.startswith(folder + "/"):
            return folder
    return None


def source_files(root):
    for folder in LAYERS:
        for here, folders, files in os.walk(os.path.join(root, folder)):
            for name in files:
                if name.endswith((".c", ".h")):
                    yield os.path.relpath(os.path.join(here, name), root)


def library_stems(root, folder):
    """Stems of the sources that the folder gives away as libraries."""
    try:
        text = open(os.path.join(root, folder, "CMakeLists.txt")).read()
    except FileNotFoundError:
        return set()
    parts = re.findall(r"wharf_library\((.*?)\)", text, re.S)
    return {os.path.splitext(name)[0] for part in parts for name in re.findall(r"\S+\.c\b", part)}


def shared_headers(root, headers):
    """Of src/sync only the libraries' headers are for others, not the program's own."""
    stems = library_stems(root, "src/sync")
    return {h for h in headers
            if folder_of(h) != "src/sync" or os.path.splitext(os.path.basename(h))[0] in stems}


def include_fault(path, name, headers, shared):
    own = folder_of(path)
    candidates = [h for h in headers if h.endswith("/" + name)]
    if not candidates or any(folder_of(h) == own for h in candidates):
        return None
    for h in candidates:
        if LEAF.match(h) or (folder_of(h) in LAYERS[own] and h in shared):
            return None if not LEAF.match(path) else f"a leaf includes {h}"
    return f"includes {candidates[0]}, which {own} may not see"


def system_fault(path, name):
    own = folder_of(path)
    if name in OUTSIDE and own not in OUTSIDE[name]:
        return f"includes <{name}>, which belongs to {', '.join(OUTSIDE[name])}"
    if LIBC_ONLY.match(path) and not LIBC.match(name):
        return f"includes <{name}>: only libc's own types and texts here"
    return None


def check_sources(root):
    files = sorted(source_files(root))
    headers = [f for f in files if f.endswith(".h")]
    shared = shared_headers(root, headers)
    faults = []
    for path in files:
        text = open(os.path.join(root, path), encoding="utf-8").read()
        for quote, name in INCLUDE.findall(text):
            fault = include_fault(path, name, headers, shared) if quote == '"' else system_fault(path, name)
            if fault:
                faults.append(f"{path}: {fault}")
        if TIMELESS.match(path):
            found = CLOCKS.search(COMMENT.sub('""', text))
            if found:
                faults.append(f"{path}: calls {found.group(1)}(): time and chance are arguments here")
    return faults


def check_top(root):
    try:
        names = subprocess.run(["git", "-C", root, "ls-files"], capture_output=True, text=True,
                               check=True).stdout.split("\n")
    except (OSError, subprocess.CalledProcessError):
        return []
    tops = {name.split("/")[0] for name in names if name}
    return [f"{name}: does not belong into the top folder"
            for name in sorted(tops - TOP) if not name.startswith(".") and name != "CMakePresets.json"]


def self_test():
    """Plants one fault of each kind and wants each found."""
    planted = {
        "src/engine/a.c": '#include "door_server.h"\n',
        "src/core/door_server.h": "",
        "src/web/b.c": "#include <sqlite3.h>\n",
        "drivers/c.c": "#include <unistd.h>\n",
        "drivers/d.c": '#include "log.h"\n',
        "src/base/log.h": "",
        "src/engine/e.c": "int f(void) { return clock_boot_us(); }\n",
        "src/hq/f.c": '#include "uplink.h"\n',
        "src/sync/uplink.h": "",
        "labels/gs1.c": '#include "log.h"\n',
    }
    good = {
        "src/sync/CMakeLists.txt": "wharf_library(syncsm SOURCES hub.c LINKS base)",
        "src/sync/hub.h": "",
        "src/hq/ok.c": '#include "hub.h"\n#include <sqlite3.h>\n#include "gs1.h"\n',
        "labels/gs1.h": "#include <stdint.h>\n",
        "src/engine/ok.c": "/* never time() here */ #include <string.h>\n",
    }
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**planted, **good}.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            open(os.path.join(root, path), "w").write(text)
        found = {fault.split(":")[0] for fault in check_sources(root)}
    wanted = {p for p in planted if p.endswith(".c")}
    return [f"not found: {p}" for p in sorted(wanted - found)] + \
           [f"wrongly found: {p}" for p in sorted(found - wanted)]


def main():
    root = os.environ.get("WHARF_SOURCE", os.getcwd())
    faults = self_test() if "--self-test" in sys.argv else check_sources(root) + check_top(root)
    for fault in faults:
        print(fault)
    return 1 if faults else 0


sys.exit(main())
