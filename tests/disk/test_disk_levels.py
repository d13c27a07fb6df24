#!/usr/bin/python3
"""Each level of free disk takes what it should, and says so to everybody who asks or watches."""
from lossy_rig import *
from small_rig import disk_of, wait_for_disk
from wharfd_rig import item
from wharftest import *

MIB = 1 << 20
LEVELS = "[core]\nballast_mib = 1\nwarn_free_mib = 40\nintake_free_mib = 30\nfinish_free_mib = 20\nclosed_free_mib = 10\n"
FREE = {"fine": 50, "low": 35, "no_new_work": 25, "finish_only": 15, "full": 5}


def at_level(core, word):
    core.control(f"space {core.report()['used'] + FREE[word] * MIB + MIB // 2}")
    return wait_for_disk(core, word)


def order(name):
    return {"order": name, "carrier": "NORTH", "lines": [{"line": 1, "item": "TEA", "qty": 2}]}


class Desk:
    """Tries everything once; numbers that were not taken are used again."""

    def __init__(self, core):
        self.door, self.sync = Door(core, boot="desk"), Door(core, "sync", "hq")
        self.n = {"desk": 0, "hq": 0}

    def takes(self, kind, args, door=None):
        door = door or self.door
        answer = door.command(kind, args, n=self.n[door.boot] + 1)
        if "why" in answer:
            assert answer["why"] == "disk_full" and answer["say"], answer
            return False
        self.n[door.boot] += 1
        return True

    def tries(self, name):
        down = {"n": self.n["hq"] + 1, "type": "order", "body": order("H" + name)}
        wave = {"n": self.n["hq"] + 1, "type": "wave.release", "body": {"wave": "NONE"}}
        return {what: self.takes(*act) for what, act in {
            "order": ("order_put", order("D" + name)), "import": ("item_put", item(7)), "tote": ("tote_put", {"tote": "N" + name}),
            "hq_order": ("hq_down", down, self.sync), "count": ("stock_adjust", {"location": "A1", "item": "TEA", "qty": 1, "reason": "r"}),
            "release": ("order_release", {"order": "HELD"}), "wave": ("wave_release", {"wave": "NONE"}),
            "hq_wave": ("hq_down", wave, self.sync), "cancel": ("order_cancel", {"order": "NONE"}),
            "hq_link": ("hq_link", {"state": "live", "reason": ""}, self.sync)}.items()}


def pick_step(picker):
    """One scan or key of a picker; None where it was not taken."""
    settle([picker])
    picker.speak()
    settle([picker])
    refused = bool(picker.refused)
    picker.refused = {}
    if refused:
        picker.n -= 1
        return None
    return picker.answers[f"{picker.boot}:{picker.n}"]["code"]


WORK = {"order", "import", "tote", "hq_order"}
BEGIN = {"release", "wave", "hq_wave"}


def test_each_level_takes_what_it_should():
    with LossyCore(LEVELS) as core:
        core.begin()
        picker, desk = Picker(1), Desk(core)
        furnish(core, [picker])
        picker.connect(core)
        assert pick_step(picker) == "screen_moved"  # and there it is
        assert desk.takes("tote_put", {"tote": "T-O1"}) and desk.takes("order_put", order("O1"))
        refused = {"fine": set(), "low": set(), "no_new_work": WORK, "finish_only": WORK | BEGIN,
                   "full": WORK | BEGIN | {"count", "cancel", "hq_link"}}
        wait_for(lambda: desk.door.query("status")[0]["orders"] == {"allocated": 1}, what="allocation")
        codes = []
        for word, names in refused.items():
            row = at_level(core, word)
            assert row["accepting"] is (word != "full") and bool(row["reason"]) is (word != "fine"), row
            took = desk.tries(word)
            assert {what for what, taken in took.items() if not taken} == names, (word, took)
            # The order that was begun on a good disk goes on as long as anything does.
            codes.append(pick_step(picker))
        assert codes == ["started", "right_location", "counted", "counted", None], codes


def test_a_new_order_is_not_started_when_only_what_is_begun_is_finished():
    with LossyCore(LEVELS) as core:
        core.begin()
        picker, desk = Picker(1), Desk(core)
        furnish(core, [picker])
        picker.connect(core)
        assert pick_step(picker) == "screen_moved"  # and there it is
        assert desk.takes("order_put", order("O1"))
        wait_for(lambda: desk.door.query("status")[0]["orders"] == {"allocated": 1}, what="allocation")
        at_level(core, "finish_only")
        assert pick_step(picker) is None
        at_level(core, "no_new_work")
        assert pick_step(picker) == "started"


def test_whoever_watches_is_told_each_change():
    with LossyCore(LEVELS) as core:
        core.begin()
        watches = [Door(core, kind, "watches") for kind in ("ctl", "web", "plc", "bridge")]
        for door in watches:
            assert door.ask({"subscribe": {"topic": "status"}})["push"]["disk"] == "fine"
        for word in ("low", "finish_only", "full", "no_new_work", "fine"):
            at_level(core, word)
            for door in watches:
                push = door.receive()["push"]
                assert (push["disk"], push["accepting"]) == (word, word != "full") and bool(push["reason"]) == (word != "fine"), push


def wharf(core, *argv):
    return subprocess.run([BIN + "/wharf", *argv, "-c", core.config], capture_output=True, text=True)


def test_the_command_line_says_it():
    with LossyCore(LEVELS) as core:
        core.begin()
        at_level(core, "full")
        text, said = wharf(core, "status").stdout, json.loads(wharf(core, "status", "--json").stdout)
        assert "Not accepting: the disk is full" in text, text
        assert said["disk"] == "full" and said["accepting"] is False and said["reason"] == "Not accepting: the disk is full"
        check = wharf(core, "check")
        assert check.returncode and "Not accepting: the disk is full" in check.stdout, check.stdout
        at_level(core, "finish_only")
        assert "nothing new is begun" in wharf(core, "check").stdout
        assert "nothing new is begun" in wharf(core, "status").stdout


def test_a_login_on_a_full_disk_is_refused_in_words():
    with LossyCore(LEVELS) as core:
        core.begin()
        picker = Picker(1)
        furnish(core, [picker])
        at_level(core, "full")
        answer = Door(core, "web", "pages").ask({"login": {"id": "l:2", "badge": "B1", "key": Picker.KEY, "device": "hh-1",
                                                           "session": "s" * 20}})
        assert answer["refused"] == {"id": "l:2", "why": "disk_full", "say": "Not accepting: the disk is full"}, answer
        assert disk_of(core)["disk"] == "full"


run_tests(globals())
