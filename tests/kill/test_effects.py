#!/usr/bin/python3
"""Effects across a kill of wharfd: what was taken is asked about, not offered again."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ.get("WHARF_SOURCE", os.getcwd()), "tests/system"))
from wharfd_rig import Core, Door  # noqa: E402
from wharftest import run_tests  # noqa: E402

SLOW = "[plc conveyor1]\ndeadline_ms = 5000\n"
REQUEST = {"seq": 12, "tracking": 70007, "point": 1, "read": 2, "code": ""}  # a no-read: decided at once


class Conveyor(Core):
    def __init__(self):
        super().__init__()
        with open(self.config, "a", encoding="utf-8") as f:
            f.write(SLOW)

    def link(self, boot):
        """A run of the PLC's link, and the orders it is offered first."""
        door = Door(self, "plc", boot=boot)
        door.send({"subscribe": {"topic": "orders/conveyor1"}})
        door.send({"ping": {"n": 1}})
        orders = []
        while "push" in (message := door.receive()):
            orders.append(message["push"])
        assert "pong" in message, message
        return door, orders


def asked(door):
    """Asks; the order that comes with the answer."""
    door.send({"command": {"id": f"{door.boot}:1", "kind": "divert_request", "device": "conveyor1", "args": REQUEST}})
    got = [door.receive(), door.receive()]
    door.n = 1
    return next(m["push"] for m in got if "push" in m)


def test_a_divert_that_was_offered_and_not_taken_is_offered_to_the_next_session():
    with Conveyor() as core:
        core.begin()
        door, orders = core.link("one")
        assert orders == []
        order = asked(door)
        core.kill()
        core.begin()
        assert core.link("two")[1] == [order]


def test_a_divert_that_was_taken_is_asked_about_once_and_never_offered_again():
    with Conveyor() as core:
        core.begin()
        door, _ = core.link("one")
        order = asked(door)
        assert door.command("divert_taken", {"divert": order["id"]}, device="conveyor1")["code"] == "taken"
        core.kill()
        core.begin()
        door, orders = core.link("two")
        assert orders == [{**order, "order": "recover"}], orders
        assert door.command("divert_ended", {"divert": order["id"], "result": "failed", "reason": "?"}, device="conveyor1")["ok"]
        assert door.query("diverts")[0]["state"] == "failed"
        assert core.link("three")[1] == []


run_tests(globals())
