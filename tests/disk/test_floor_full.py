#!/usr/bin/python3
"""What a person with a scanner hears while the disk is full: never a good beep for what was not taken."""
import pty
import select
import tty

from lossy_rig import *
from small_rig import wait_for_disk
from wharftest import *

GOOD, BAD = b"\x07", b"\x07\x07\x07"
LIMITS = "[core]\nballast_mib = 1\nwarn_free_mib = 40\nintake_free_mib = 30\nfinish_free_mib = 20\nclosed_free_mib = 10\n"


class Gun:
    """A scanner on a line: scans go in, beeps come out."""

    def __init__(self):
        self.line, device = pty.openpty()
        tty.setraw(device)
        self.port = os.ttyname(device)
        self.device = device

    def scan(self, code):
        os.write(self.line, b"]C0" + code.encode() + b"\r\n")

    def hears(self):
        assert select.select([self.line], [], [], 20)[0], "no beep"
        return os.read(self.line, 16)


def at(core, free_mib, word):
    core.control(f"space {core.report()['used'] + (free_mib << 20)}")
    wait_for_disk(core, word)


def packed_order(core):
    """An order picked into tote T-O1, and a packer at the station."""
    picker = Picker(1)
    furnish(core, [picker])
    door = Door(core, boot="orders")
    door.command("tote_put", {"tote": "T-O1"})
    door.command("order_put", Clerk.order("O1"))
    wait_for(lambda: door.query("status")[0]["orders"] == {"allocated": 1}, what="allocation")
    picker.connect(core)
    assert work([picker], lambda: door.query("status")[0]["orders"] == {"picked": 1})
    door.command("user_put", {"badge": "P1", "name": "Pat", "role": "packer", "salt": "00" * 16, "key": Picker.KEY})
    login = {"id": "l:9", "badge": "P1", "key": Picker.KEY, "device": "pack1", "session": "session-of-the-packer"}
    assert Door(core, "web", "packer").ask({"login": login})["outcome"]["ok"]


def test_a_scanner_never_beeps_good_for_what_a_full_disk_did_not_take():
    gun = Gun()
    floor = f"[station pack1]\nkind = pack\n[scanner gun1]\nstation = pack1\nport = {gun.port}\n"
    with LossyCore(LIMITS + floor) as core:
        core.begin()
        packed_order(core)
        log = open(core.path + "/bridge.log", "w+", encoding="utf-8")
        core.start(BIN + "/wharf-bridge", "-c", core.config, stderr=log)
        door = Door(core, boot="looks")
        wait_for(lambda: [row["state"] for row in door.query("devices") if row["device"] == "gun1"] == ["up"], what="the scanner")
        at(core, 5, "full")
        for _ in range(3):
            gun.scan("T-O1")
            assert gun.hears() == BAD
        log.seek(0)
        assert "scan not accepted: Not accepting: the disk is full device=gun1" in log.read()
        at(core, 50, "fine")
        gun.scan("T-O1")
        assert gun.hears() == GOOD
        at(core, 15, "finish_only")  # what is begun is packed to its end
        for code in (Picker.CODES["TEA"], Picker.CODES["POT"]):
            gun.scan(code)
            assert gun.hears() == GOOD
        log.close()


run_tests(globals())
