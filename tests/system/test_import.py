#!/usr/bin/python3
"""wharf import: files through the real door, broken off at any moment, and files that are wrong."""
import random

from wharfd_rig import Core, Door
from wharftest import *

ROWS = 5000


def wharf_import(place, *words, **more):
    return subprocess.run([BIN + "/wharf", "-c", place.config, "import", *words], capture_output=True, text=True,
                          timeout=120, **more)


def items_csv(place, rows=ROWS, title="Item"):
    lines = ["Barcode;title;ITEM;weight_g"]
    lines += [f'{4000000000000 + n};"{title} ""{n}""; boxed";IT-{n:05};{n % 900 + 1}' for n in range(rows)]
    return place.write("items.csv", "\ufeff" + "\r\n".join(lines) + "\r\n")


def import_row(door):
    return (door.query("imports", limit=200) or [None])[-1]


def audit_and_replay(place):
    for command in ("audit", "replay"):
        done = subprocess.run([BIN + "/wharf", "-c", place.config, command], capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_file_is_imported_whole_and_the_same_file_not_twice():
    with Core() as core:
        core.begin()
        done = wharf_import(core, "items", items_csv(core, 250))
        assert done.returncode == 0 and "250 rows of items imported" in done.stdout, done
        done = wharf_import(core, "items", items_csv(core, 250), "--json")
        assert json.loads(done.stdout)["again"] is True, done
        done = wharf_import(core, "--name", "once-more", "items", items_csv(core, 250, "New"), "--json")
        assert json.loads(done.stdout)["rows"] == 250, done
        bins = core.write("bins.csv", "location,walk\n" + "\n".join(f"B-{n},{n}" for n in range(120)))
        assert wharf_import(core, "locations", bins).returncode == 0
        assert wharf_import(core, "totes", core.write("totes.csv", "tote\nT-1\nT-2\n")).returncode == 0
        stock = "location,item,qty,lot,expiry\n" + "\n".join(f"B-{n},IT-{n:05},7,L,2030-01-31" for n in range(120))
        done = wharf_import(core, "stock", core.write("stock.csv", stock))
        assert done.returncode == 0, done
        door = Door(core)
        assert sum(row["qty"] for row in door.query("stock", limit=200)) == 840
        assert all(row["state"] == "done" for row in door.query("imports"))
        door.close()
        audit_and_replay(core)


def test_a_file_of_keys_that_begin_alike_is_looked_at_in_seconds():
    """Barcodes and item names of one site share their first digits; a check that compares each with each never ends."""
    with Core() as core:
        began = time.monotonic()
        done = wharf_import(core, "--check", "items", items_csv(core, 100_000))
        assert done.returncode == 0, done
        assert time.monotonic() - began < 60, "a hundred thousand rows took longer than a minute"


def kill_while(core, process):
    """wharfd dies again and again while the import runs."""
    chance = random.Random(7)
    for _ in range(3):
        door = Door(core, boot=f"look{chance.random()}")
        before = (import_row(door) or {"staged": 0})["staged"]
        wait_for(lambda: process.poll() is not None or (import_row(door) or {"staged": 0})["staged"] > before,
                 what="a part more")
        door.close()
        core.kill()
        core.begin()


def test_an_import_outlives_kills_of_the_core_and_loses_no_row():
    with Core() as core:
        core.begin()
        process = core.start(BIN + "/wharf", "-c", core.config, "import", "items", items_csv(core), stdout=subprocess.PIPE,
                             text=True)
        kill_while(core, process)
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0 and f"{ROWS} rows" in out, out
        door = Door(core)
        row = import_row(door)
        assert row["staged"] == ROWS and row["parts"] == ROWS // 100, row
        door.close()
        audit_and_replay(core)


def test_an_import_that_was_killed_is_repeated_and_goes_on():
    with Core() as core:
        core.begin()
        door = Door(core)
        process = core.start(BIN + "/wharf", "-c", core.config, "import", "items", items_csv(core))
        wait_for(lambda: (import_row(door) or {"staged": 0})["staged"] >= 300, what="some parts")
        process.kill()
        process.wait()
        assert import_row(door)["state"] == "open"
        done = wharf_import(core, "locations", core.write("bins.csv", "location\nB-1\n"))
        assert done.returncode == 1 and "not finished" in done.stderr, done
        done = wharf_import(core, "items", items_csv(core), "--json")
        answer = json.loads(done.stdout)
        assert answer["ok"] and answer["resumed"] >= 300 and answer["rows"] == ROWS, done
        assert import_row(door)["staged"] == ROWS
        door.close()


def test_an_import_can_be_dropped_and_the_next_begins():
    with Core() as core:
        core.begin()
        door = Door(core)
        process = core.start(BIN + "/wharf", "-c", core.config, "import", "--name", "monday", "items", items_csv(core))
        wait_for(lambda: (import_row(door) or {"staged": 0})["staged"] >= 300, what="some parts")
        process.kill()
        process.wait()
        assert wharf_import(core, "--drop", "monday").returncode == 0
        assert wharf_import(core, "--drop", "tuesday").returncode == 1
        done = wharf_import(core, "items", core.write("one.csv", "item,title,barcode\nA,A,1\n"))
        assert done.returncode == 0, done
        states = {row["import"]: row["state"] for row in door.query("imports")}
        assert states["monday"] == "dropped", states
        door.close()


def test_what_is_wrong_in_a_file_is_named_and_nothing_is_sent():
    with Core() as core:
        core.begin()
        text = ("item,title,barcode,weight_g\nA,Tea,4.01E+12,5\nB,,2,heavy\nC,Cup,3,1\nC,Mug,4,1\nD,Pen,3,1\nE,E\n")
        done = wharf_import(core, "items", core.write("bad.csv", text))
        assert done.returncode == 1
        for words in ('line 2, column 3, "4.01E+12": barcode was made a number', "line 3, column 2: title is empty",
                      'line 3, column 4, "heavy": weight_g must be a whole number from 1 to 1000000',
                      'line 5, column 2, "Mug": title or its weight is not the same in two rows of the same item: make them '
                      "alike; the other is in line 4", 'line 6, column 3, "3": barcode comes twice', "line 7: the line has 2 values",
                      "nothing was sent"):
            assert words in done.stderr, (words, done.stderr)
        for text, words in (("item,title\n", "barcode"), ("", "is empty"), ("item,title,barcode\n", "no rows"),
                            ("item,title,barcode,colour\nA,A,1,red\n", "colour"), ('item,title,barcode\n"A,A,1\n', "quote"),
                            ("item,item,title,barcode\nA,A,A,1\n", "comes twice")):
            done = wharf_import(core, "items", core.write("bad.csv", text), "--check", "--json")
            answer = json.loads(done.stdout)
            assert done.returncode == 1 and not answer["ok"] and words in json.dumps(answer["errors"]), (text, answer)
        done = wharf_import(core, "stock", core.write("s.csv", "location,item,qty,expiry\nA,B,1,31.01.2027\n"))
        assert "YYYY-MM-DD" in done.stderr, done
        door = Door(core)
        assert import_row(door) is None
        done = wharf_import(core, "stock", core.write("s.csv", "location,item,qty\nA,B,1\n"))
        assert done.returncode == 1 and "row 1: There is no location A" in done.stderr, done
        assert door.query("stock") == []
        door.close()


def test_a_wrong_word_prints_how_to_use_it():
    with Core() as core:
        for words in ([], ["items"], ["orders", "x.csv"], ["--drop", "a", "items", "x.csv"]):
            assert wharf_import(core, *words).returncode == 2, words
        assert wharf_import(core, "items", "/nothing/here.csv").returncode == 1


run_tests(globals())
