#!/usr/bin/python3
"""A wave of 5,000 lines in a wharfd that dies again and again: it goes on, and is seen whole or not at all."""
import hashlib

from wharfd_rig import Core, Door
from wharftest import *

ORDERS, LINES = 50, 100
KILLS = 3
KEY = hashlib.sha256(b"4815162342").hexdigest()
SESSION = "picker-session-0000001"


def decided(answer, code):
    assert answer.get("code") == code, answer


def furnish(core):
    """Tea for everybody, a picker, and the orders of wave W from HQ."""
    door, hq = Door(core), Door(core, "sync", "hq")
    for kind, args in (("item_put", {"item": "TEA", "title": "Tea", "barcode": "1", "weight_g": 5}),
                       ("location_put", {"location": "A1", "walk": 1}),
                       ("stock_adjust", {"location": "A1", "item": "TEA", "qty": ORDERS * LINES, "reason": "received"}),
                       ("user_put", {"badge": "P", "name": "P", "role": "picker", "salt": "00" * 16, "key": KEY})):
        assert door.command(kind, args)["ok"], kind
    for n in range(1, ORDERS + 1):
        lines = [{"line": line, "item": "TEA", "qty": 1} for line in range(1, LINES + 1)]
        body = {"order": f"W-{n:03}", "carrier": "NORTH", "wave": "W", "lines": lines}
        decided(hq.command("hq_down", {"n": n, "type": "order", "body": body}), "received")
    decided(hq.command("hq_down", {"n": ORDERS + 1, "type": "wave.release", "body": {"wave": "W"}}), "releasing")
    hq.close()
    return door


def wave(door):
    return door.query("waves")[0]


def press_start(core, boot):
    """What a picker's handheld gets who wants work."""
    door, who = Door(core, "web", boot), {"device": "hh1", "actor": SESSION}
    login = {"id": f"{boot}-login:1", "badge": "P", "key": KEY, "device": "hh1", "session": SESSION}
    assert door.ask({"login": login})["outcome"]["ok"]
    # The first answer brings the screen that the second key is pressed on.
    step = door.command("key", {"key": "start"}, **who)["prompt"]["step"]
    code = door.command("key", {"key": "start"}, step=step, **who)["code"]
    door.close()
    return code


def kill_on_the_way(core, door, life):
    """A part more is done, nothing of it can be picked, and wharfd dies."""
    before = wave(door)
    wait_for(lambda: wave(door)["done"] > before["done"], what="a part more")
    code, row = press_start(core, f"early-{life}"), wave(door)
    assert row["state"] == "releasing" and row["done"] < row["lines"], "it was done before it could be killed"
    assert code == "no_work", code
    core.kill()
    door.close()
    core.begin()
    return Door(core, boot=f"life-{life}")


def test_a_wave_goes_on_after_each_death_and_is_seen_whole():
    with Core() as core:
        core.begin()
        door = furnish(core)
        for life in range(KILLS):
            door = kill_on_the_way(core, door, life)
        wait_for(lambda: wave(door)["state"] == "released", 120, what="the wave's end")
        row = wave(door)
        assert (row["orders"], row["lines"], row["done"], row["short"]) == (ORDERS, ORDERS * LINES, ORDERS * LINES, 0), row
        assert door.query("status")[0]["orders"] == {"allocated": ORDERS}
        code = press_start(core, "late")
        assert code == "started", code
        for command in ("audit", "replay"):
            done = subprocess.run([BIN + "/wharf", "-c", core.config, command], capture_output=True, text=True, timeout=240)
            assert done.returncode == 0, done.stdout + done.stderr


def test_a_wave_is_released_from_the_command_line():
    with Core() as core:
        core.begin()
        door = Door(core)
        order = {"order": "O1", "carrier": "NORTH", "wave": "W", "lines": [{"line": 1, "item": "TEA", "qty": 1}]}
        assert door.command("item_put", {"item": "TEA", "title": "Tea", "barcode": "1"})["ok"]
        decided(door.command("order_put", order), "received")
        for name, code in (("W", 0), ("X", 1)):
            line = core.write("wave.jsonl", json.dumps({"kind": "wave_release", "args": {"wave": name}}) + "\n")
            done = subprocess.run([BIN + "/wharf", "-c", core.config, "send", line], capture_output=True, text=True, timeout=60)
            assert done.returncode == code and ("There is no wave X" in done.stdout + done.stderr) == bool(code), done
        wait_for(lambda: wave(door)["state"] == "released", what="the wave's end")
        done = subprocess.run([BIN + "/wharf", "-c", core.config, "ask", "waves", "state=released"], capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == 0 and "released" in done.stdout, done


run_tests(globals())
