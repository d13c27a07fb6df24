#!/usr/bin/python3
"""A disk that fills up under wharfd: it stays up, says so, gives no answer that is not true, and takes again by itself."""
import glob

from lossy_rig import *
from small_rig import *
from wharfd_rig import item, wharfd
from wharftest import *


def crew(core, n=6):
    """Each has one command on its way: a number that was not taken is the next one taken."""
    workers = [Importer(f"import{i}", 1) for i in range(n)] + [Clerk()]
    for worker in workers:
        worker.connect(core)
    return workers


def all_refused(workers):
    return all(worker.refused for worker in workers)


def some_more(workers, n):
    """True when each was answered n times more."""
    goals = {worker: len(worker.answers) + n for worker in workers}
    return lambda: all(len(worker.answers) >= goal for worker, goal in goals.items())


def nothing_was_lost(core, workers):
    """Every answer is the same after a kill, and what was refused has left no trace."""
    core.kill()
    core.begin()
    for worker in workers:
        worker.connect(core)
        assert not worker.ask_again(list(worker.answers)), "an answer was not true"
    door = Door(core, boot="last")
    done, copy = backup(core, door)
    assert done.get("done"), done
    prove(wharfd, copy)


def fills_and_recovers(core):
    core.begin()
    workers = crew(core)
    assert work(workers, some_more(workers, 5)) and not any(w.refused for w in workers)
    assert core.ballast() == 2 << 20
    core.fill()
    assert work(workers, lambda: all_refused(workers)), "the core went away"
    row = disk_of(core)
    assert row["disk"] == "full" and row["accepting"] is False and row["reason"] == "Not accepting: the disk is full"
    wait_for(lambda: core.ballast() == 0, what="the ballast's space")
    # What the ballast gave is for the log: the door stays closed, and each try is refused again.
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        for worker in workers:
            worker.try_again()
        assert work(workers, lambda: all_refused(workers))
        time.sleep(0.2)
    core.unfill()
    wait_for_disk(core, "fine")
    assert core.ballast() == 2 << 20
    for worker in workers:
        worker.try_again()
    assert work(workers, some_more(workers, 5))
    nothing_was_lost(core, workers)


def test_a_full_tmpfs_closes_the_door_gives_the_ballast_and_loses_nothing():
    with SmallCore("tmpfs") as core:
        fills_and_recovers(core)


def test_a_full_ext4_closes_the_door_gives_the_ballast_and_loses_nothing():
    with SmallCore("ext4") as core:
        fills_and_recovers(core)


def test_a_start_on_a_full_disk_opens_the_door_and_says_why_it_is_closed():
    with SmallCore("tmpfs") as core:
        core.begin()
        assert Door(core).command("tote_put", {"tote": "T1"})["ok"]
        core.fill()
        wait_for_disk(core, "full")
        for end in (core.kill, core.end):
            end()
            core.begin()
            door = Door(core)
            assert not door.welcome["accepting"] and "disk is full" in door.welcome["reason"]
            assert door.command("tote_put", {"tote": "T2"}, n=2)["why"] == "disk_full"
        core.unfill()
        wait_for_disk(core, "fine")
        # What each start tells the engine was told before anything else.
        rows = door.query("audit", limit=200)
        assert [row["kind"] for row in rows].count("started") == 2
        assert door.command("tote_put", {"tote": "T2"}, n=2)["ok"]


def test_without_a_free_file_what_is_begun_goes_on_and_the_box_starts():
    with SmallCore("ext4", inodes=64) as core:
        core.begin()
        assert Door(core).command("item_put", item(1))["ok"]
        names = []
        try:
            while True:
                names.append(f"{core.disk}/file{len(names)}")
                open(names[-1], "wb").close()
        except OSError:
            pass
        row = wait_for_disk(core, "no_new_work")
        assert row["accepting"] and "almost full" in row["reason"]
        door = Door(core)
        assert door.command("item_put", item(2), n=2)["why"] == "disk_full"
        assert door.command("location_put", {"location": "A1"}, n=2)["why"] == "disk_full"
        assert door.command("stock_adjust", {"location": "A1", "item": "I1", "qty": 1, "reason": "r"}, n=2)["code"]
        assert backup(core, door)[0]["why"] == "disk_full"
        core.kill()
        core.begin()
        for name in names[:-1]:
            os.unlink(name)
        wait_for_disk(core, "fine")
        assert Door(core).command("item_put", item(2), n=3)["ok"]


def test_a_commit_that_does_not_fit_is_discarded_whole_wherever_it_fails():
    with LossyCore() as core:
        core.begin()
        workers = crew(core)
        for n in range(7):
            assert work(workers, some_more(workers, 1))
            # The nth page of a commit, while the file system says that there is space.
            core.control("fail write 1 ENOSPC wharf.db-wal")
            assert work(workers, lambda: any(worker.refused for worker in workers)), "the core went away"
            settle(workers)
            wait_for_disk(core, "fine")
            for worker in workers:
                worker.try_again()
        assert work(workers, some_more(workers, 2))
        nothing_was_lost(core, workers)


def test_a_checkpoint_on_a_full_disk_unsays_nothing_and_the_log_is_emptied_later():
    with LossyCore() as core:
        core.begin()
        workers = crew(core)
        core.control("fail write -1 ENOSPC /wharf.db")
        size = lambda name="wharf.db": os.path.getsize(f"{core.state}/{name}")
        before = size()
        # A checkpoint is tried at 1,000 frames of 4 KiB.
        assert work(workers, lambda: size("wharf.db-wal") > 1200 * 4096)
        assert size() == before and not any(worker.refused for worker in workers)
        core.control("fail write 0 ENOSPC")
        assert work(workers, lambda: size() > before), "no checkpoint was made when there was space"
        nothing_was_lost(core, workers)


def test_a_copy_that_does_not_fit_is_said_and_leaves_nothing():
    with LossyCore() as core:
        core.begin()
        workers = crew(core, 2)
        assert work(workers, some_more(workers, 20))
        door = Door(core, boot="copies")
        core.control("fail write -1 ENOSPC copy.db.new")
        said = backup(core, door)[0]
        assert "No space" in said.get("error", ""), said
        wait_for(lambda: not glob.glob(core.state + "/backup/*"), what="nothing left of the copy")
        core.control("fail write 0 ENOSPC")
        assert work(workers, some_more(workers, 5)), "work goes on"
        # A little above the level at which copies stop; the database alone is larger than that little.
        core.control(f"space {core.report()['used'] + (3 << 20) + (100 << 10)}")
        assert backup(core, door)[0]["say"] == "the copy would fill the disk"
        core.control(f"space {SPACE}")
        wait_for_disk(core, "fine")
        nothing_was_lost(core, workers)


run_tests(globals())
