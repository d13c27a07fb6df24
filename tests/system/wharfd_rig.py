"""wharfd alone in a folder, and peers that talk at its door."""
import select
import socket

from wharftest import BIN, Place, json, os, subprocess, wait_for

ASAN = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}  # these are killed, or traced


class Door:
    """One connection as a peer of some kind; hello is said."""

    def __init__(self, place, kind="ctl", boot="me", hello=True):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(f"{place.run}/door/{kind}")
        self.n = 0
        self.boot = boot
        self.welcome = self.ask({"hello": {"peer": kind, "version": 1, "boot": boot}})["welcome"] if hello else None

    def send(self, message):
        data = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.socket.send(data)

    def receive(self, seconds=20):
        """The next message, b"" at the end of the connection."""
        if not select.select([self.socket], [], [], seconds)[0]:
            raise AssertionError(f"no answer in {seconds} s")
        data = self.socket.recv(70000)
        return json.loads(data) if data else data

    def ask(self, message):
        self.send(message)
        return self.receive()

    def command(self, kind, args, n=None, **more):
        """The answer's body; refusals too."""
        self.n = n or self.n + 1
        answer = self.ask({"command": {"id": f"{self.boot}:{self.n}", "kind": kind, "args": args, **more}})
        return answer.get("outcome") or answer["refused"]

    def query(self, name, **more):
        return self.ask({"query": {"id": "q", "name": name, **more}})["rows"]["rows"]

    def seq(self):
        return self.ask({"ping": {"n": 1}})["pong"]["as_of"]

    def close(self):
        self.socket.close()


LIMITS = "[core]\nballast_mib = 0\nwarn_free_mib = 3\nintake_free_mib = 2\nclosed_free_mib = 1\n"


class Core(Place):
    def __init__(self):
        super().__init__(LIMITS)
        self.process = None

    def configure(self, more):
        """Another configuration for the next start."""
        self.write("wharf.conf", f"[paths]\nstate = {self.state}\nrun = {self.run}\n{LIMITS}{more}")

    def begin(self, *before):
        """Starts wharfd (behind `before`, a tracer say) and waits until its door answers."""
        self.process = self.start(*before, f"{BIN}/wharfd", "-c", self.config, env=ASAN,
                                  stderr=subprocess.PIPE if not before else None)
        wait_for(self.answers, what="wharfd at its door")
        return self

    def answers(self):
        assert self.process.poll() is None, self.process.stderr and self.process.stderr.read()
        try:
            door = Door(self)
        except OSError:
            return False
        door.close()
        return True

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        self.process.terminate()
        return self.process.wait()

    def witnessed(self):
        """The sequence in the witness file."""
        try:
            with open(self.state + "/witness") as f:
                return json.load(f)["seq"]
        except FileNotFoundError:
            return 0


def wharfd(*argv):
    return subprocess.run([f"{BIN}/wharfd", *argv], env=ASAN, capture_output=True, text=True)


def item(n):
    return {"item": f"I{n}", "title": f"Item {n}", "barcode": f"{n}", "weight_g": 5}
