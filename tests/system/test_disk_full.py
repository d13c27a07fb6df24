#!/usr/bin/python3
"""A disk that fills up under wharfd: it stays up, takes nothing, gives its ballast and takes again."""
import shutil

from wharfd_rig import *
from wharftest import *

LIMITS = "[core]\nballast_mib = 8\nwarn_free_mib = 4\nintake_free_mib = 3\nclosed_free_mib = 2\n"


class Small(Core):
    """Its folder is a file system of 64 MiB."""

    def __init__(self):
        super().__init__()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "wharf-test", self.path], capture_output=True,
                              text=True)
        if done.returncode:
            shutil.rmtree(self.path)
            skip(f"needs root to mount a small file system: {done.stderr.strip()}")
        self.config = self.write("wharf.conf", f"[paths]\nstate = {self.state}\nrun = {self.run}\n{LIMITS}")

    def __exit__(self, *args):
        for process in self.processes:
            process.kill()
            process.wait()
        subprocess.run(["umount", self.path], check=True)
        super().__exit__(*args)

    def ballast(self):
        return os.path.getsize(self.state + "/ballast")

    def fill(self):
        with open(self.path + "/fill", "wb", buffering=0) as f:
            for size in (1 << 16, 1 << 9):
                try:
                    while True:
                        f.write(b"x" * size)
                except OSError:
                    pass


def test_a_full_disk_closes_the_door_gives_the_ballast_and_loses_nothing():
    with Small() as place:
        place.begin()
        door = Door(place)
        assert door.command("tote_put", {"tote": "T1"})["ok"]
        assert place.ballast() == 8 << 20
        place.fill()
        refused = door.command("tote_put", {"tote": "T2"})
        assert refused["why"] == "disk_full", refused
        wait_for(lambda: place.ballast() == 0, what="the ballast's space")
        # What the ballast gave is for the log: the door stays closed.
        time.sleep(2.5)
        assert door.query("status")[0]["disk"] == "full"
        assert door.command("tote_put", {"tote": "T2"}, n=2)["why"] == "disk_full"
        os.unlink(place.path + "/fill")
        wait_for(lambda: door.query("status")[0]["disk"] == "fine", what="space seen")
        assert place.ballast() == 8 << 20
        assert door.command("tote_put", {"tote": "T2"}, n=2)["ok"]
        assert place.end() == 0


run_tests(globals())
