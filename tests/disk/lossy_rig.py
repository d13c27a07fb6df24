"""wharfd with its state on a disk that can be cut from power, filled or broken, and people who work at its door."""
import select
import shutil

from wharfd_rig import Core, Door
from wharftest import BIN, json, os, skip, subprocess, time, wait_for

SPACE = 256 << 20
LIMITS = "[core]\nballast_mib = 1\nwarn_free_mib = 4\nintake_free_mib = 3\nclosed_free_mib = 2\n"
BUSY = 16  # commands of one stream that wait for an answer


class LossyCore(Core):
    def __init__(self, more="", space=SPACE):
        super().__init__()
        self.disk = self.path + "/disk"
        self.state = self.disk + "/state"
        self.config = self.write("wharf.conf", f"[paths]\nstate = {self.state}\nrun = {self.run}\n"
                                 + (more or LIMITS))
        os.mkdir(self.disk)
        if not os.path.exists(BIN + "/lossy_fs"):
            self.give_up("lossy_fs was not built: needs libfuse3-dev")
        self.says = open(self.path + "/fuse.log", "w+", encoding="utf-8")
        self.fuse = subprocess.Popen([BIN + "/lossy_fs", self.disk, str(space)], stderr=self.says)
        wait_for(lambda: os.path.ismount(self.disk) or self.fuse.poll() is not None, what="the file system")
        if not os.path.ismount(self.disk):
            self.says.seek(0)
            self.give_up(f"needs root and /dev/fuse: {self.says.read().strip()}")

    def give_up(self, why):
        shutil.rmtree(self.path)
        skip(why)

    def __exit__(self, *args):
        for process in self.processes:
            process.kill()
            process.wait()
        broken = self.fuse.poll() is not None
        subprocess.run(["umount", "-l", self.disk], check=True)
        self.fuse.wait()
        self.says.seek(0)
        said = self.says.read()
        self.says.close()
        super().__exit__(*args)
        assert not broken, f"the file system of this test ended: {said[-3000:]}"

    def control(self, line):
        with open(self.disk + "/.ctl", "wb", buffering=0) as f:
            f.write(line.encode())

    def report(self):
        with open(self.disk + "/.ctl", "rb", buffering=0) as f:
            return json.loads(f.read(4096))

    def listens(self):
        try:
            Door(self).close()
            return True
        except OSError:
            return False

    def cut(self, seed):
        """The power goes now; what was on its way dies with it."""
        self.control(f"cut {seed}")
        self.kill()

    def power_on(self):
        self.kill()
        # /run is memory.
        shutil.rmtree(self.run, ignore_errors=True)
        self.control("on")


class Worker:
    """Somebody who sends commands and keeps every answer. One connection, `busy` commands on their way at most."""

    def __init__(self, kind, boot, busy=1):
        self.kind, self.boot, self.busy = kind, boot, busy
        self.n = 0
        self.door = None
        self.waiting = {}   # sent, no answer
        self.sent = {}      # answered: what was asked
        self.answers = {}   # answered: the outcome
        self.refused = {}   # not taken because of the disk: what was asked

    def connect(self, core):
        """Comes back, and sends what has no answer once more."""
        self.door = Door(core, self.kind, self.boot)
        for message in list(self.waiting.values()):
            self.door.send(message)

    def act(self):
        """Kind, arguments and further keys of the next command; None for nothing to do."""
        raise NotImplementedError

    def took(self, outcome):
        pass

    def speak(self):
        while len(self.waiting) < self.busy and not self.refused:
            act = self.act()
            if not act:
                return
            kind, args, more = act
            self.n += 1
            id = f"{self.boot}:{self.n}"
            self.waiting[id] = {"command": {"id": id, "kind": kind, "args": args, **more}}
            self.door.send(self.waiting[id])

    def hear(self):
        """False at the end of the connection."""
        try:
            data = self.door.socket.recv(70000)
        except ConnectionError:
            return False
        if not data:
            return False
        answer = json.loads(data)
        if "refused" in answer and answer["refused"]["why"] == "disk_full":
            assert answer["refused"]["say"], answer
            self.refused[answer["refused"]["id"]] = self.waiting.pop(answer["refused"]["id"])
            return True
        assert "outcome" in answer, f"not taken: {answer}"
        outcome = answer["outcome"]
        prompt = outcome.pop("prompt", None)
        self.sent[outcome["id"]] = self.waiting.pop(outcome["id"])
        self.answers[outcome["id"]] = outcome
        self.took({**outcome, "prompt": prompt})
        return True

    def try_again(self):
        """What was not taken left its number free."""
        self.waiting.update(self.refused)
        for message in self.refused.values():
            self.door.send(message)
        self.refused = {}

    def ask_again(self, ids):
        """Those whose answer is not the one that was given."""
        lost = []
        while self.waiting:  # what was sent before is answered first
            assert self.hear()
        for id in ids:
            answer = self.door.ask(self.sent[id])
            outcome = answer.get("outcome") or answer["refused"]
            outcome.pop("prompt", None)
            if outcome != self.answers[id]:
                lost.append((self.answers[id], outcome))
        return lost


class Importer(Worker):
    """Many commands of a turn."""

    def __init__(self, boot="import", busy=BUSY):
        super().__init__("ctl", boot, busy)

    def act(self):
        n = self.n + 1
        item = f"{self.boot}-{n}"
        return "item_put", {"item": item, "title": "x" * 100, "barcode": item, "weight_g": 5}, {}


class Clerk(Worker):
    """Orders come, each with a tote of its own; of three one is held, released and cancelled."""

    def __init__(self, boot="clerk"):
        super().__init__("ctl", boot)

    def act(self):
        number, what = divmod(self.n, 6)
        order = f"O{number}"
        if what < 2:
            return (("tote_put", {"tote": "T-" + order}, {}), ("order_put", self.order(order), {}))[what]
        if what < 5 and number % 3 == 0:
            return ("order_hold", "order_release", "order_cancel")[what - 2], {"order": order, "reason": "test"}, {}
        return "item_put", {"item": f"Y{self.n}", "title": "y", "barcode": f"9{self.n}", "weight_g": 1}, {}

    @staticmethod
    def order(order):
        lines = [{"line": 1, "item": "TEA", "qty": 2}, {"line": 2, "item": "POT", "qty": 1}]
        return {"order": order, "carrier": "NORTH", "lines": lines}


class Picker(Worker):
    """Picks whatever there is, scan by scan."""
    CODES = {"TEA": "4012345000016", "POT": "4012345000023"}
    KEY = "ab" * 32

    def __init__(self, n):
        super().__init__("web", f"hh-{n}-origin")
        self.badge, self.device, self.session = f"B{n}", f"hh-{n}", f"session-of-picker-{n}"
        self.prompt = None
        self.picked = 0

    def sign_on(self, core):
        door = Door(core, "web", "signing-on")
        answer = door.ask({"login": {"id": "l:1", "badge": self.badge, "key": self.KEY, "device": self.device,
                                     "session": self.session}})
        assert answer["outcome"]["ok"], answer
        door.close()

    def act(self):
        more = {"device": self.device, "actor": self.session}
        if self.prompt:
            more["step"] = self.prompt["step"]
        if self.n:
            more["heard"] = f"{self.boot}:{self.n}"
        expect = self.prompt["expect"] if self.prompt else "start"
        if expect == "start":
            return "key", {"key": "start"}, more
        data = {"location": lambda: self.prompt["data"]["location"], "tote": lambda: "T-" + self.prompt["data"]["order"],
                "item": lambda: self.CODES[self.prompt["data"]["item"]]}[expect]()
        return "scan", {"aim": "", "data": data}, more

    def took(self, outcome):
        self.prompt = outcome["prompt"] or self.prompt
        self.picked += outcome["code"] == "counted"


def furnish(core, pickers):
    """Goods in bins, people with badges."""
    door = Door(core, boot="furnish")
    for item, place in (("TEA", "A1"), ("POT", "A2")):
        door.command("item_put", {"item": item, "title": item, "barcode": Picker.CODES[item], "weight_g": 5})
        door.command("location_put", {"location": place})
        assert door.command("stock_adjust", {"location": place, "item": item, "qty": 100000, "reason": "received"})["ok"]
    for picker in pickers:
        assert door.command("user_put", {"badge": picker.badge, "name": picker.badge, "role": "picker",
                                         "salt": "00" * 16, "key": Picker.KEY})["ok"]
        picker.sign_on(core)
    door.close()


def work(workers, until, seconds=30):
    """Everybody works until that is true, or the core is gone. True while it is there."""
    end = time.monotonic() + seconds
    for worker in workers:
        worker.speak()
    while not until():
        assert time.monotonic() < end, f"not in {seconds} s"
        doors = {worker.door.socket: worker for worker in workers}
        for socket in select.select(list(doors), [], [], 0.02)[0]:
            if not doors[socket].hear():
                return False
            doors[socket].speak()
    return True


def settle(workers):
    """What was sent is answered; nobody says more."""
    for worker in workers:
        while worker.waiting:
            assert worker.hear(), "the core went away"


def drain(workers):
    """What was said before the end is still in the sockets."""
    for worker in workers:
        while select.select([worker.door.socket], [], [], 0)[0] and worker.hear():
            pass
