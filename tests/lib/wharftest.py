"""What the Python system tests share: programs, folders, waiting for a condition, a door to talk at."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

BIN = os.environ.get("WHARF_BIN", os.path.join(os.getcwd(), ".build/dev/bin"))
DOORS = ["bridge", "plc", "print", "web", "sync", "advisor", "ctl"]


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def wait_for(condition, seconds=20, what="the condition"):
    """Its first true value. Under sanitizers and load a second is short: the limit is only a net."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {seconds} s: {what}")
        time.sleep(0.01)


class Place:
    """A folder with a configuration of its own; its processes end with it."""

    def __init__(self, more=""):
        self.path = tempfile.mkdtemp(prefix="wharf-test.")
        self.run = self.path + "/run"
        self.state = self.path + "/state"
        self.processes = []
        self.config = self.write("wharf.conf", f"[paths]\nstate = {self.state}\nrun = {self.run}\n{more}")

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def start(self, *argv, **more):
        process = subprocess.Popen(argv, **more)
        self.processes.append(process)
        return process

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        # What a killed supervisor ran ends a moment later and may still write here.
        wait_for(self.is_gone, what=f"{self.path} removed")

    def is_gone(self):
        shutil.rmtree(self.path, ignore_errors=True)
        return not os.path.exists(self.path)


class FakeDoor(threading.Thread):
    """A core that answers at RUN/door/ctl as `answer(message)` says: a list of messages, or None to
    hang up. A message that is answered with nothing stays without."""

    def __init__(self, place, answer):
        super().__init__(daemon=True)
        self.answer = answer
        self.heard = []
        os.makedirs(place.run + "/door", exist_ok=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(place.run + "/door/ctl")
        self.listener.listen(8)
        self.start()

    def run(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        try:
            while data := peer.recv(70000):
                message = json.loads(data)
                self.heard.append(message)
                answers = self.answer(message)
                if answers is None:
                    break
                if "hello" in message:
                    answers = [{"welcome": {"version": 1, "core": "fake", "site": "T", "acked": 0,
                                            "as_of": 1, "accepting": True}}]
                for answer in answers:
                    peer.send(json.dumps(answer).encode())
        except OSError:
            pass
        peer.close()


def run_tests(namespace):
    """Runs every function test_*, or those named as arguments; prints each as a sentence; ends with 1 where one failed."""
    failed = 0
    for name, function in list(namespace.items()):
        if not name.startswith("test_") or (sys.argv[1:] and name not in sys.argv[1:]):
            continue
        try:
            function()
            print("ok:", name[5:].replace("_", " "))
        except Exception:
            failed += 1
            traceback.print_exc()
            print("failed:", name[5:].replace("_", " "))
    sys.exit(1 if failed else 0)


def alive(pid):
    """A zombie is not alive."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


__all__ = ["BIN", "DOORS", "FakeDoor", "Place", "alive", "json", "os", "run_tests", "signal", "skip",
           "subprocess", "sys", "time", "wait_for"]
