"""wharfd with its state on a small real file system: tmpfs, or ext4 in a file."""
import shutil

from wharfd_rig import Core, Door
from wharftest import json, os, skip, subprocess, wait_for

LIMITS = """[core]
ballast_mib = 2
warn_free_mib = 5
intake_free_mib = 4
finish_free_mib = 3
closed_free_mib = 2
"""


class SmallCore(Core):
    """`inodes`: how many files ext4 can hold."""

    def __init__(self, kind, mib=16, inodes=None):
        super().__init__()
        self.disk = self.path + "/disk"
        self.state = self.disk + "/state"
        self.config = self.write("wharf.conf", f"[paths]\nstate = {self.state}\nrun = {self.run}\n{LIMITS}")
        os.mkdir(self.disk)
        if kind == "tmpfs":
            self.must("mount", "-t", "tmpfs", "-o", f"size={mib}m", "wharf-test", self.disk)
        else:
            image = self.path + "/image"
            self.must("truncate", "-s", f"{mib}M", image)
            self.must("mkfs.ext4", "-q", "-m", "0", *(["-N", str(inodes)] if inodes else []), image)
            self.must("mount", "-o", "loop", image, self.disk)

    def must(self, *argv):
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(self.path)
            skip(f"needs root to mount a small file system: {done.stderr.strip()}")

    def __exit__(self, *args):
        for process in self.processes:
            process.kill()
            process.wait()
        subprocess.run(["umount", self.disk], check=True)
        super().__exit__(*args)

    def ballast(self):
        return os.path.getsize(self.state + "/ballast")

    def fill(self):
        """Until not a byte more fits."""
        with open(self.disk + "/fill", "wb", buffering=0) as f:
            for size in (1 << 16, 1 << 9):
                try:
                    while True:
                        f.write(b"x" * size)
                except OSError:
                    pass

    def unfill(self):
        os.unlink(self.disk + "/fill")


def prove(wharfd, copy):
    for program in ("--audit", "--replay"):
        done = wharfd(program, copy, "--json")
        assert done.returncode == 0 and json.loads(done.stdout)["ok"], done


def backup(core, door):
    """The last word about a copy, and its path."""
    door.send({"backup": {"id": "b", "name": "copy.db"}})
    while True:
        answer = door.receive()
        body = answer.get("backup") or answer["refused"]
        if "why" in body or "error" in body or body["done"]:
            return body, core.state + "/backup/copy.db"


def disk_of(core):
    door = Door(core, boot="asks")
    row = door.query("status")[0]
    door.close()
    return row


def wait_for_disk(core, word, seconds=20):
    return wait_for(lambda: (row := disk_of(core))["disk"] == word and row, seconds, f"disk {word}")
