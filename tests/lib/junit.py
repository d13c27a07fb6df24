"""Reads a JUnit file of ctest: first line "PASSED FAILED SKIPPED", then a line with the reason for
each test that failed or was skipped. A test that should have run and is not in the file has failed.

    junit.py FILE BUILD-FOLDER -L|-R PATTERN
"""
import json
import subprocess
import sys
import xml.etree.ElementTree as tree


def expected(folder, by, pattern):
    out = subprocess.run(["ctest", "--test-dir", folder, by, pattern, "--show-only=json-v1"],
                         capture_output=True, text=True, check=True).stdout
    return [test["name"] for test in json.loads(out)["tests"]]


def last_line(case, starts=""):
    lines = [l.strip() for l in (case.findtext("system-out") or "").splitlines() if l.strip()]
    wanted = [l for l in lines if l.startswith(starts)]
    return (wanted or lines or ["no output"])[-1][:160]


def main(path, folder, by, pattern):
    cases = {case.get("name"): case for case in tree.parse(path).getroot().iter("testcase")}
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    lines = []
    for name in expected(folder, by, pattern):
        case = cases.get(name)
        status = case.get("status") if case is not None else "norun"
        if status == "run":
            counts["passed"] += 1
        elif status == "notrun" or (case is not None and case.find("skipped") is not None):
            counts["skipped"] += 1
            lines.append(f"  skipped: {name}: {last_line(case, 'skipped').removeprefix('skipped: ')}")
        else:
            counts["failed"] += 1
            why = last_line(case, "failed") if case is not None else "not run: no time left"
            lines.append(f"  failed: {name}: {why}")
    print(counts["passed"], counts["failed"], counts["skipped"])
    print("\n".join(lines), end="\n" if lines else "")


main(*sys.argv[1:])
