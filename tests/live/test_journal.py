"""The journal: what `write` acknowledged is there, whatever happens to the process, the disk or the file."""

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from exec_algos.brokers.records import Entry, Journal, Kind
from exec_algos.errors import JournalError
from exec_algos.live import schema
from exec_algos.live.journal import SqliteJournal, read
from exec_algos.live.place import check_place, file_system, holder

CHILDREN = 200


def intent(number: int) -> Entry:
    return Entry(Kind.INTENT, 1_700_000_000_000_000_000 + number, "P1", f"P1.0.{number}.0", {"lots": number, "limit": None, "own_id": "α"})


def wrote(path: Path, *entries: Entry) -> None:
    async def write() -> None:
        with SqliteJournal(path) as journal:
            for entry in entries:
                await journal.write(entry)

    asyncio.run(write())


def script(body: str, *arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    head = (
        "import asyncio, os, resource, signal, sys\n"
        "from exec_algos.brokers.records import Entry, Kind\n"
        "from exec_algos.errors import JournalError\n"
        "from exec_algos.live.journal import SqliteJournal, read\n"
        "def intent(k, size=10): return Entry(Kind.INTENT, k, 'P1', f'P1.0.{k}.0', {'lots': k, 'text': 'x' * size})\n"
    )
    command = [sys.executable, "-c", head + body, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=Path(__file__).parents[2], **options)


def test_what_was_written_is_read_in_order(tmp_path):
    entries = [intent(number) for number in range(1, 6)]
    wrote(tmp_path / "day.db", *entries)
    assert read(tmp_path / "day.db") == entries
    with SqliteJournal(tmp_path / "day.db") as journal:
        assert journal.entries == entries
    wrote(tmp_path / "day.db", intent(6))
    assert read(tmp_path / "day.db") == [*entries, intent(6)]


def test_a_note_stands_before_what_is_written_after_it_and_is_there_when_that_is(tmp_path):
    async def run():
        with SqliteJournal(tmp_path / "day.db") as journal:
            for number in range(1, 50):
                journal.note(intent(number))
            await journal.write(intent(50))
            return read(tmp_path / "day.db")

    assert asyncio.run(run()) == [intent(number) for number in range(1, 51)]


def test_a_note_alone_is_there_after_close(tmp_path):
    with SqliteJournal(tmp_path / "day.db") as journal:
        journal.note(intent(1))
    assert read(tmp_path / "day.db") == [intent(1)]


def test_fifty_writers_share_commits_and_keep_their_own_order(tmp_path):
    async def run():
        with SqliteJournal(tmp_path / "day.db") as journal:
            connection, commits = journal._connection, []
            connection.set_trace_callback(lambda said: commits.append(said) if said == "COMMIT" else None)

            async def writer(which):
                for number in range(40):
                    await journal.write(Entry(Kind.FILL, number, f"P{which}", "", {}))

            await asyncio.gather(*(writer(which) for which in range(50)))
            connection.set_trace_callback(None)
            return len(commits)

    commits = asyncio.run(run())
    entries = read(tmp_path / "day.db")
    assert len(entries) == 2000
    assert commits < 1000
    for which in range(50):
        assert [entry.time for entry in entries if entry.parent == f"P{which}"] == list(range(40))


def test_it_is_written_with_full_synchronisation_and_a_write_ahead_log(tmp_path):
    with SqliteJournal(tmp_path / "day.db") as journal:
        assert journal._connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert journal._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_it_is_a_journal_as_brokers_know_it(tmp_path):
    with SqliteJournal(tmp_path / "day.db") as journal:
        taken: Journal = journal
        taken.note(intent(1))


@pytest.mark.parametrize("data", [{"price": float("nan")}, {"price": float("inf")}, {"when": object()}, {"text": "\ud800"}])
def test_what_json_cannot_hold_is_refused_and_the_journal_goes_on(tmp_path, data):
    with SqliteJournal(tmp_path / "day.db") as journal:
        with pytest.raises(JournalError, match=r"outcome of P1\.0\.1\.0 cannot be written"):
            journal.note(Entry(Kind.OUTCOME, 1, "P1", "P1.0.1.0", data))
        journal.note(intent(2))
    assert read(tmp_path / "day.db") == [intent(2)]


def test_an_entry_is_taken_as_it_was_when_it_was_given(tmp_path):
    data = {"lots": 1}
    with SqliteJournal(tmp_path / "day.db") as journal:
        journal.note(Entry(Kind.INTENT, 1, "P1", "C", data))
        data["lots"] = 99
    assert read(tmp_path / "day.db")[0].data == {"lots": 1}


def test_a_writer_that_was_cancelled_leaves_its_entry_and_the_others(tmp_path):
    async def run():
        with SqliteJournal(tmp_path / "day.db") as journal:
            task = asyncio.ensure_future(journal.write(intent(1)))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await journal.write(intent(2))

    asyncio.run(run())
    assert read(tmp_path / "day.db") == [intent(1), intent(2)]


def test_a_closed_journal_takes_nothing(tmp_path):
    journal = SqliteJournal(tmp_path / "day.db")
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="is closed"):
        journal.note(intent(1))


def test_a_child_takes_less_than_two_kilobytes(tmp_path):
    def of_child(ref):
        yield Kind.INTENT, {"lots": 25, "limit": 71_200.0, "expires": 1_700_000_060_000_000_000, "own_id": ref}
        yield Kind.OUTCOME, {"event": "accept", "reason": "", "venue_id": "0000117057", "time": 1_700_000_000_000_000_000}
        for filled in (10, 25):
            yield (
                Kind.FILL,
                {
                    "quantity": 10,
                    "price": 71_200.0,
                    "time": 1_700_000_000_000_000_000,
                    "execution_id": f"E{ref}",
                    "commission": 0.0,
                    "filled": filled,
                    "amount": 712_000.0,
                },
            )
        yield Kind.CANCEL, {"event": "ask_cancel", "reason": ""}
        yield Kind.OUTCOME, {"event": "cancel", "reason": "", "venue_id": "0000117057", "time": 1_700_000_000_000_000_000}

    with SqliteJournal(tmp_path / "day.db") as journal:
        for number in range(CHILDREN):
            ref = f"20261130-090000-abcdefgh.0.{number}.0"
            for kind, data in of_child(ref):
                journal.note(Entry(kind, 1_700_000_000_000_000_000, "20261130-090000-abcdefgh", ref, data))
    assert (tmp_path / "day.db").stat().st_size / CHILDREN < 2000


# one process, and the death of one


def test_a_second_process_is_told_who_has_it_since_when(tmp_path):
    with SqliteJournal(tmp_path / "day.db"):
        said = script("try: SqliteJournal(sys.argv[1])\nexcept JournalError as e: print(e)", tmp_path / "day.db").stdout
        assert f"day.db is in use by process {os.getpid()} since 20" in said
        assert holder(tmp_path / "day.db").startswith(f"process {os.getpid()} since 20")
        with pytest.raises(JournalError, match=f"process {os.getpid()}"):  # in this process too
            SqliteJournal(tmp_path / "day.db")
    assert holder(tmp_path / "day.db") == ""


def test_a_link_to_it_is_the_same_journal(tmp_path):
    (tmp_path / "other.db").symlink_to(tmp_path / "day.db")
    with SqliteJournal(tmp_path / "day.db"), pytest.raises(JournalError, match="in use"):
        SqliteJournal(tmp_path / "other.db")


def test_a_second_name_of_the_file_is_refused(tmp_path):
    wrote(tmp_path / "day.db", intent(1))
    os.link(tmp_path / "day.db", tmp_path / "other.db")
    with pytest.raises(JournalError, match="2 names"):
        SqliteJournal(tmp_path / "other.db")


def test_what_was_acknowledged_survives_kill_9_and_the_lock_of_the_dead_is_free(tmp_path):
    body = (
        "async def run():\n"
        "    journal = SqliteJournal(sys.argv[1])\n"
        "    for k in range(1, 31): await journal.write(intent(k)); print(k, flush=True)\n"
        "    journal.note(intent(31))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(run())"
    )
    done = script(body, tmp_path / "day.db")
    assert done.returncode == -signal.SIGKILL
    said = int(done.stdout.split()[-1])
    assert [entry.time for entry in read(tmp_path / "day.db")][:said] == list(range(1, 31))
    with SqliteJournal(tmp_path / "day.db") as journal:
        assert [entry.time for entry in journal.entries][:30] == list(range(1, 31))


def test_it_is_read_while_another_process_writes(tmp_path):
    with SqliteJournal(tmp_path / "day.db") as journal:
        asyncio.run(journal.write(intent(1)))
        said = script("print([entry.time for entry in read(sys.argv[1])])", tmp_path / "day.db").stdout
        assert str(intent(1).time) in said


def test_reading_changes_nothing(tmp_path):
    body = "j = SqliteJournal(sys.argv[1])\nasyncio.run(j.write(intent(1)))\nos.kill(os.getpid(), signal.SIGKILL)"
    script(body, tmp_path / "day.db")
    before = {name: (tmp_path / name).read_bytes() for name in ("day.db", "day.db-wal")}
    assert len(read(tmp_path / "day.db")) == 1
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def test_reading_needs_no_right_to_write(tmp_path):
    wrote(tmp_path / "day.db", intent(1))
    assert not (tmp_path / "day.db-wal").exists()
    (tmp_path / "day.db").chmod(0o400)
    tmp_path.chmod(0o500)
    try:
        assert read(tmp_path / "day.db") == [intent(1)]
    finally:
        tmp_path.chmod(0o700)


# disks and files that fail


def test_a_full_disk_is_named_and_what_was_acknowledged_is_kept(tmp_path):
    body = (
        "async def run():\n"
        "    journal = SqliteJournal(sys.argv[1])\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "    k = 0\n"
        "    try:\n"
        "        while True: await journal.write(intent(k + 1, 1000)); k += 1\n"
        "    except JournalError as error: print(k, error)\n"
        "    try: journal.note(intent(0))\n"
        "    except JournalError as error: print('again', error)\n"
        "    try: journal.close()\n"
        "    except JournalError as error: print('close', error)\n"
        "asyncio.run(run())"
    )
    done = script(body, tmp_path / "day.db")
    first, again, close = done.stdout.splitlines()
    kept = int(first.split()[0])
    assert kept > 20
    for line in (first, again, close):
        assert "day.db cannot be written" in line
        assert "disk is full" in line
    assert "1 entries that came last are not in it" in close
    assert [entry.time for entry in read(tmp_path / "day.db")][:kept] == list(range(1, kept + 1))
    wrote(tmp_path / "day.db", intent(0))  # with space it goes on


def test_all_who_wait_are_told_when_a_commit_fails_and_nothing_more_is_taken(tmp_path):
    async def run():
        journal = SqliteJournal(tmp_path / "day.db")
        journal._connection.execute("PRAGMA query_only = 1")
        found = await asyncio.gather(*(journal.write(intent(number)) for number in range(20)), return_exceptions=True)
        journal._connection.execute("PRAGMA query_only = 0")
        with pytest.raises(JournalError, match="cannot be written"):
            await journal.write(intent(20))
        with pytest.raises(JournalError, match="entries that came last are not in it"):
            journal.close()
        return found

    found = asyncio.run(run())
    assert all(isinstance(error, JournalError) for error in found)
    assert len(found) == 20
    assert read(tmp_path / "day.db") == []


@pytest.fixture
def open_place():
    """A folder that other users may look into, as those of pytest are not."""
    place = Path(tempfile.mkdtemp(prefix="exec_algos_journal_"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


def test_a_place_that_may_not_be_written_to_is_refused_with_the_remedy(open_place):
    wrote(open_place / "day.db", intent(1))
    for file in open_place.iterdir():
        file.chmod(0o444)
    open_place.chmod(0o555)
    body = (
        "if os.geteuid() == 0: os.setuid(65534)\n"  # root may write everywhere
        "for name in ('day.db', 'new.db'):\n"
        "    try: SqliteJournal(sys.argv[1] + '/' + name)\n"
        "    except JournalError as error: print(error)\n"
        "print(len(read(sys.argv[1] + '/day.db')))"
    )
    done = script(body, open_place)
    old, new, count = done.stdout.splitlines()
    open_place.chmod(0o755)
    assert "day.db: its lock" in old
    assert "new.db: its lock" in new
    assert "let this user write to the folder" in old
    assert count == "1"


def test_a_journal_that_may_only_be_read_is_refused_with_the_remedy(open_place):
    wrote(open_place / "day.db", intent(1))
    open_place.chmod(0o777)
    (open_place / "day.db").chmod(0o444)
    (open_place / "day.db.lock").chmod(0o666)
    body = "if os.geteuid() == 0: os.setuid(65534)\ntry: SqliteJournal(sys.argv[1])\nexcept JournalError as error: print(error)"
    said = script(body, open_place / "day.db").stdout
    assert "cannot be opened" in said
    assert "let this user read and write" in said


@pytest.mark.parametrize("victim", ["day.db", "day.db.lock"])
def test_a_file_that_is_removed_under_it_stops_it(tmp_path, victim):
    journal = SqliteJournal(tmp_path / "day.db")
    asyncio.run(journal.write(intent(1)))
    (tmp_path / victim).unlink()
    with pytest.raises(JournalError, match="removed"):
        asyncio.run(journal.write(intent(2)))
    with pytest.raises(JournalError, match="1 entries that came last"):
        journal.close()


def test_a_torn_last_page_of_the_log_costs_only_what_was_not_acknowledged(tmp_path):
    body = "j = SqliteJournal(sys.argv[1])\nfor k in range(1, 4): asyncio.run(j.write(intent(k)))\nos.kill(os.getpid(), signal.SIGKILL)"
    script(body, tmp_path / "day.db")
    log = tmp_path / "day.db-wal"
    whole = log.read_bytes()
    log.write_bytes(whole + whole[-4120:-100])  # a further page that the power failed in
    assert [entry.time for entry in read(tmp_path / "day.db")] == [1, 2, 3]
    with SqliteJournal(tmp_path / "day.db") as journal:
        assert [entry.time for entry in journal.entries] == [1, 2, 3]


def test_a_file_without_its_last_page_is_refused(tmp_path):
    wrote(tmp_path / "day.db", *(intent(number) for number in range(1, 200)))
    with open(tmp_path / "day.db", "r+b") as file:
        file.truncate((tmp_path / "day.db").stat().st_size - 4096)
    for opening in (SqliteJournal, read):
        with pytest.raises(JournalError, match=r"day\.db cannot be .*(malformed|corrupt).*venue's own list of orders"):
            opening(tmp_path / "day.db")


def test_a_changed_byte_is_found(tmp_path):
    wrote(tmp_path / "day.db", *(intent(number) for number in range(1, 10)))
    body = (tmp_path / "day.db").read_bytes()
    assert body.count(b'{"lots":7,') == 1
    (tmp_path / "day.db").write_bytes(body.replace(b'{"lots":7,', b'{"lots":8,'))
    for opening in (SqliteJournal, read):
        with pytest.raises(JournalError, match="entry 7 is not what was written"):
            opening(tmp_path / "day.db")


def test_a_missing_row_is_found(tmp_path):
    wrote(tmp_path / "day.db", *(intent(number) for number in range(1, 10)))
    with sqlite3.connect(tmp_path / "day.db") as connection:
        connection.execute("DELETE FROM entries WHERE number = 4")
    connection.close()
    with pytest.raises(JournalError, match="after entry 3 comes 5"):
        read(tmp_path / "day.db")


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"symbol,side\nA,buy\n" * 500, "it is no journal"), (b"\0" * 8192, "no journal|not a database")],
)
def test_a_file_of_something_else_is_refused_and_left_as_it_is(tmp_path, content, said):
    (tmp_path / "orders.csv").write_bytes(content)
    for opening in (SqliteJournal, read):
        with pytest.raises(JournalError, match=said):
            opening(tmp_path / "orders.csv")
    assert (tmp_path / "orders.csv").read_bytes() == content


def test_an_sqlite_file_of_another_program_is_refused_and_left_as_it_is(tmp_path):
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    before = (tmp_path / "other.db").read_bytes()
    for opening in (SqliteJournal, read):
        with pytest.raises(JournalError, match="another program"):
            opening(tmp_path / "other.db")
    assert (tmp_path / "other.db").read_bytes() == before


def test_a_folder_or_a_missing_one_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(JournalError, match=r"is a folder; name a file in it"):
        SqliteJournal(tmp_path)
    with pytest.raises(JournalError, match="mkdir -p"):
        SqliteJournal(tmp_path / "none" / "day.db")
    with pytest.raises(JournalError, match="there is no journal"):
        read(tmp_path / "day.db")
    assert list(tmp_path.iterdir()) == []


# versions


def test_a_newer_schema_is_refused_by_number(tmp_path):
    wrote(tmp_path / "day.db", intent(1))
    with sqlite3.connect(tmp_path / "day.db") as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    connection.close()
    for opening in (SqliteJournal, read):
        with pytest.raises(JournalError, match=f"schema {schema.VERSION + 1}, and this exec_algos knows schemas up to {schema.VERSION}"):
            opening(tmp_path / "day.db")


def test_an_empty_file_of_version_0_becomes_one_of_this_version(tmp_path):
    (tmp_path / "day.db").touch()
    assert read(tmp_path / "day.db") == []
    wrote(tmp_path / "day.db", intent(1))
    with sqlite3.connect(tmp_path / "day.db") as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
    connection.close()


def test_an_older_file_is_migrated_with_all_that_it_holds(tmp_path, monkeypatch):
    wrote(tmp_path / "day.db", intent(1), intent(2))

    def next_version(connection):
        connection.execute("ALTER TABLE entries ADD COLUMN remark TEXT")

    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, next_version))
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    wrote(tmp_path / "day.db", intent(3))
    assert read(tmp_path / "day.db") == [intent(1), intent(2), intent(3)]


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    wrote(tmp_path / "day.db", intent(1))

    def half(connection):
        connection.execute("ALTER TABLE entries ADD COLUMN remark TEXT")
        raise sqlite3.OperationalError("no")

    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, half))
        patch.setattr(schema, "VERSION", schema.VERSION + 1)
        with pytest.raises(JournalError, match="cannot be opened"):
            SqliteJournal(tmp_path / "day.db")
    assert read(tmp_path / "day.db") == [intent(1)]
    with SqliteJournal(tmp_path / "day.db") as journal:
        assert [row[1] for row in journal._connection.execute("PRAGMA table_info(entries)")][-1] == "sum"


# places

MOUNTS = """/dev/vda / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
//nas/desk /mnt/the\\040desk cifs rw 0 0
me@host: /home/me/far fuse.sshfs rw 0 0
/dev/vdb /home/me/near xfs rw 0 0
tmpfs /run tmpfs rw 0 0
host0 /mnt/c 9p rw 0 0
/dev/vdc /home ext4 rw 0 0
"""


@pytest.fixture
def mounts(tmp_path):
    (tmp_path / "mounts").write_text(MOUNTS.rpartition("/dev/vdc")[0])
    return str(tmp_path / "mounts")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/day.db", "ext4"),
        ("/home/you/day.db", "nfs4"),
        ("/homely/day.db", "ext4"),
        ("/mnt/the desk/day.db", "cifs"),
        ("/home/me/far/day.db", "fuse.sshfs"),
        ("/home/me/near/x/day.db", "xfs"),
        ("/mnt/c", "9p"),
    ],
)
def test_the_file_system_of_a_path_is_that_of_its_nearest_mount(mounts, path, kind):
    assert file_system(path, mounts) == kind


def test_of_two_mounts_at_one_point_the_later_counts(tmp_path):
    (tmp_path / "mounts").write_text(MOUNTS)
    assert file_system("/home/you", str(tmp_path / "mounts")) == "ext4"


def test_a_system_that_does_not_say_has_no_type(tmp_path):
    assert file_system("/home", str(tmp_path / "none")) == ""


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "fuse.sshfs", "fuse.rclone"])
def test_a_network_file_system_is_refused_by_name(tmp_path, kind):
    (tmp_path / "mounts").write_text(f"there:/ {tmp_path} {kind} rw 0 0\n")
    with pytest.raises(JournalError, match=rf"network file system \({kind}\).*local disk of a POSIX system"):
        check_place(str(tmp_path / "day.db"), mounts=str(tmp_path / "mounts"))


def test_a_place_in_memory_is_said(tmp_path):
    (tmp_path / "mounts").write_text(f"tmpfs {tmp_path} tmpfs rw 0 0\n")
    said = check_place(str(tmp_path / "day.db"), mounts=str(tmp_path / "mounts"))
    assert ["no restart of the machine" in line for line in said] == [True]
    (tmp_path / "mounts").write_text(f"/dev/x {tmp_path} ext4 rw 0 0\n")
    assert check_place(str(tmp_path / "day.db"), mounts=str(tmp_path / "mounts")) == []


def test_windows_is_refused_in_words(tmp_path):
    with pytest.raises(JournalError, match="local disk of a POSIX system"):
        check_place(str(tmp_path / "day.db"), system="nt")


def test_the_lock_says_who_and_since_when(tmp_path):
    with SqliteJournal(tmp_path / "day.db"):
        said = json.loads((tmp_path / "day.db.lock").read_text())
        assert said["pid"] == os.getpid()
        assert said["since"][:2] == "20"
    assert (tmp_path / "day.db.lock").read_text() == ""
