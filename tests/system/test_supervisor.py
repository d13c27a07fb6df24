#!/usr/bin/python3
"""`wharf run` with small dummy programs in the place of the real ones."""
import shutil

from wharftest import *

# A dummy writes "start NAME" and, when it is told to end, "end NAME"; the core opens a door.
DUMMY = '''#!/usr/bin/python3 -B
import os, signal, socket, sys
name = os.path.basename(sys.argv[0])
name += "@" + sys.argv[3] if len(sys.argv) > 3 else ""
def say(word):
    fd = os.open("{log}", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, f"{{word}} {{name}} {{' '.join(sys.argv[1:])}}\\n".encode())
def end(*_):
    say("end")
    os._exit(0)
if name != "wharf-stubborn":
    signal.signal(signal.SIGTERM, end)
else:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
say("start")
if os.path.exists("{path}/die-" + name):
    os._exit(3)
if name == "wharfd":
    path = "{run}/door/ctl"
    while not os.path.exists("{path}/open-door"):
        signal.sigtimedwait([], 0.01)
    if os.path.exists(path):
        os.unlink(path)
    door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    door.bind(path)
    door.listen(8)
while True:
    signal.pause()
'''
PROGRAMS = ["wharfd", "wharf-web", "wharf-sync", "wharf-bridge", "wharf-plc@conveyor1", "wharf-print", "extra"]


class Floor(Place):
    def __init__(self, more="[program extra]\ncommand = wharf-extra --speed 3\n", door=True):
        super().__init__(more)
        self.log = self.path + "/log"
        self.bin = self.path + "/bin"
        text = DUMMY.format(log=self.log, path=self.path, run=self.run)
        for name in ["wharfd", "wharf-web", "wharf-sync", "wharf-bridge", "wharf-plc", "wharf-print",
                     "wharf-extra", "wharf-stubborn"]:
            self.write("bin/" + name, text, 0o755)
        shutil.copy(BIN + "/wharf", self.bin + "/wharf")
        if door:
            self.write("open-door", "")
        self.supervisor = self.start(self.bin + "/wharf", "-c", self.config, "run",
                                     stderr=open(self.path + "/stderr", "w"))

    def lines(self, word=""):
        try:
            with open(self.log) as f:
                return [line.rstrip("\n") for line in f if line.startswith(word)]
        except FileNotFoundError:
            return []

    def names(self, word):
        return [line.split(" ")[1] for line in self.lines(word)]

    def pid(self, name):
        try:
            with open(f"{self.run}/pids/{name}") as f:
                return int(f.read())
        except (FileNotFoundError, ValueError):
            return 0

    def wait_all(self):
        wait_for(lambda: len(self.lines("start")) >= len(PROGRAMS), what="all programs started")
        return {name: wait_for(lambda: self.pid(name)) for name in PROGRAMS}

    def end(self):
        self.supervisor.send_signal(signal.SIGTERM)
        assert self.supervisor.wait(15) == 0


def test_the_core_comes_first_and_the_others_wait_for_its_door():
    with Floor(door=False) as floor:
        wait_for(lambda: floor.names("start") == ["wharfd"])
        wait_for(lambda: floor.pid("wharfd"))
        assert floor.pid("wharf-web") == 0
        floor.write("open-door", "")
        floor.wait_all()
        assert floor.names("start")[0] == "wharfd"
        assert sorted(floor.names("start")[1:]) == sorted(
            ["wharf-web", "wharf-sync", "wharf-bridge", "wharf-plc@conveyor1", "wharf-print", "wharf-extra"])
        floor.end()


def test_each_program_gets_the_configuration_and_extra_ones_their_own_words():
    with Floor() as floor:
        floor.wait_all()
        assert f"start wharf-web -c {floor.config}" in floor.lines()
        assert f"start wharf-plc@conveyor1 -c {floor.config} conveyor1" in floor.lines()
        assert "start wharf-extra --speed 3" in floor.lines()
        floor.end()


def test_a_killed_program_comes_back_and_takes_nothing_with_it():
    with Floor() as floor:
        before = floor.wait_all()
        for name in PROGRAMS:
            os.kill(before[name], signal.SIGKILL)
            wait_for(lambda: floor.pid(name) not in (0, before[name]), what=f"{name} is back")
        for name in PROGRAMS:
            assert alive(floor.pid(name)), name
        wait_for(lambda: len(floor.lines("start")) == 2 * len(PROGRAMS))
        floor.end()


def test_a_program_that_dies_again_and_again_is_started_later_and_later():
    with Floor(door=False) as floor:
        floor.write("die-wharf-web", "")
        floor.write("open-door", "")
        wait_for(lambda: floor.names("start").count("wharf-web") >= 4)
        with open(floor.path + "/stderr") as f:
            waits = [int(line.split("in_ms=")[1]) for line in f if "again program=wharf-web" in line]
        assert waits[:4] == [100, 200, 400, 800][:len(waits)], waits
        assert len(waits) >= 3, waits
        os.unlink(floor.path + "/die-wharf-web")
        wait_for(lambda: floor.pid("wharf-web") and alive(floor.pid("wharf-web")))
        floor.end()


def test_all_end_in_order_and_the_core_is_last():
    with Floor() as floor:
        pids = floor.wait_all()
        floor.end()
        ended = floor.names("end")
        assert ended[-1] == "wharfd", ended
        assert ended == list(reversed(["wharfd", "wharf-web", "wharf-sync", "wharf-bridge",
                                       "wharf-plc@conveyor1", "wharf-print", "wharf-extra"])), ended
        assert not any(alive(pid) for pid in pids.values())
        assert not any(floor.pid(name) for name in PROGRAMS)


def test_a_stubborn_program_is_killed_and_does_not_hold_up_the_others():
    with Floor(more="[program stubborn]\ncommand = wharf-stubborn\n") as floor:
        wait_for(lambda: "wharf-stubborn" in floor.names("start") and floor.pid("wharf-print"))
        pid = floor.pid("stubborn")
        began = time.monotonic()
        floor.end()
        assert time.monotonic() - began < 12
        assert "wharfd" in floor.names("end")
        assert not alive(pid)


def test_the_programs_end_with_a_killed_supervisor():
    with Floor() as floor:
        pids = floor.wait_all()
        floor.supervisor.kill()
        floor.supervisor.wait()
        wait_for(lambda: not any(alive(pid) for pid in pids.values()), what="all programs gone")


def test_two_supervisors_on_one_run_folder_do_not_fight():
    with Floor() as floor:
        floor.wait_all()
        second = subprocess.run([floor.bin + "/wharf", "run", "-c", floor.config], capture_output=True,
                                text=True, timeout=20)
        assert second.returncode == 1 and "already runs" in second.stderr, second.stderr
        assert len(floor.lines("start")) == len(PROGRAMS)
        floor.end()


def test_a_missing_program_is_named_before_anything_starts():
    with Place("[program lost]\ncommand = wharf-lost --now\n") as place:
        shutil.copy(BIN + "/wharf", place.path + "/wharf")
        for name in ["wharfd", "wharf-web", "wharf-sync", "wharf-bridge", "wharf-plc", "wharf-print"]:
            place.write(name, "#!/bin/sh\n", 0o755)
        done = subprocess.run([place.path + "/wharf", "run", "-c", place.config], capture_output=True,
                              text=True, timeout=20)
        assert done.returncode == 1 and "wharf-lost is neither in" in done.stderr, done.stderr
        assert not os.path.exists(place.run)


run_tests(globals())
