#!/usr/bin/python3
"""Prints bench results (JSON lines) as a Markdown table: the median of the runs and their range."""
import json
import statistics
import sys


def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def main():
    rows = {}
    for line in open(sys.argv[1], encoding="utf-8"):
        row = json.loads(line)
        rows.setdefault((row["bench"], row["what"], row["unit"]), []).append(row)
    print("| bench | figure | median | runs | raw limit | ratio |\n|---|---|---|---|---|---|")
    for (bench, what, unit), runs in rows.items():
        values = [r["value"] for r in runs]
        raw = ratio = ""
        if "raw" in runs[0]:
            raw = f"{number(statistics.median(r['raw'] for r in runs))} ({runs[0]['limit']})"
            ratio = f"{statistics.median(r['ratio'] for r in runs):.2f}"
        spread = f"{number(min(values))} – {number(max(values))}" if len(values) > 1 else ""
        print(f"| {bench} | {what} | {number(statistics.median(values))} {unit} | {spread} | {raw} | {ratio} |")


main()
