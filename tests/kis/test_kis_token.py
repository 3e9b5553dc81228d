"""The access token: one file a key, one request a minute, whatever starts, dies or fails."""

import asyncio
import json
import logging
import os
import stat
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from kis_server import CLOSE, RESET, Server, answer

from exec_algos.brokers.kis import files
from exec_algos.brokers.kis.token import EARLY, Tokens
from exec_algos.brokers.kis.transport import Transport
from exec_algos.clock.base import ScaledClock
from exec_algos.errors import NotSentError, UsageError, VenueError

SECOND = 1_000_000_000
START = 1_795_392_000 * SECOND  # 2026-11-23 09:00 in Seoul
DAY = 86_400
KEY, SECRET = "PSkey-abcdefghijklmnopqrstuvwxyz-0123", "secret/of/the/key" * 10
SPEED = 1000.0

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")


class Desk:
    """KIS's token endpoint: 403 within a minute of the request before, the same token within six hours."""

    def __init__(self, clock, lifetime=DAY, said=()):
        self.clock, self.lifetime, self.said = clock, lifetime, list(said)
        self.times, self.issued, self.number = [], None, 0

    def __call__(self, asked):
        assert (asked.method, asked.path) == ("POST", "/oauth2/tokenP")
        assert asked.fields == {"grant_type": "client_credentials", "appkey": KEY, "appsecret": SECRET}
        now, before = self.clock.now, self.times[-1] if self.times else 0
        self.times.append(now)
        if self.said and (said := self.said.pop(0)) is not None:
            return said
        if now - before < 60 * SECOND:
            return answer({"error_description": "접근토큰 발급 잠시 후 다시 시도하세요(1분당 1회)", "error_code": "EGW00133"}, 403)
        if self.issued is None or now - self.issued > 6 * 3600 * SECOND:
            self.issued, self.number = now, self.number + 1
        return answer(token(self.number, self.issued, now, self.lifetime))


def token(number, issued, now, lifetime=DAY):
    ends = issued + lifetime * SECOND
    text = datetime.fromtimestamp(ends // SECOND, ZoneInfo("Asia/Seoul")).strftime("%Y-%m-%d %H:%M:%S")
    return {
        "access_token": f"token.number.{number}", "token_type": "Bearer", "expires_in": (ends - now) // SECOND,
        "access_token_token_expired": text,
    }  # fmt: skip


def run(folder, case, *, speed=SPEED, clock=ScaledClock, **desk):
    """`case(desk, make)`; `make()` is what a new process has: nothing but the file."""

    async def whole():
        used = clock(START, speed)
        found = Desk(used, **desk)
        made = []
        async with Server(found) as server:

            def make(key=KEY, **given):
                made.append((Tokens(transport := Transport(server.url, 5), used, key, SECRET, folder, **given), transport))
                return made[-1][0]

            try:
                return await case(found, make)
            finally:
                for tokens, transport in made:
                    await tokens.close()
                    await transport.close()

    return asyncio.run(whole())


def apart(times):
    return [(later - sooner) / SECOND for sooner, later in pairwise(times)]


def test_a_token_is_asked_for_once_and_used_by_all_who_start_later(tmp_path):
    async def case(desk, make):
        assert [await make().get() for _ in range(5)] == ["token.number.1"] * 5
        return desk.times

    assert len(run(tmp_path, case)) == 1


def test_many_who_ask_at_once_ask_once(tmp_path):
    async def case(desk, make):
        several = [make() for _ in range(3)]
        got = await asyncio.gather(*(tokens.get() for tokens in several for _ in range(10)))
        return set(got), len(desk.times)

    assert run(tmp_path, case) == ({"token.number.1"}, 1)


def test_the_file_is_private_and_its_name_holds_nothing_of_the_key(tmp_path):
    folder = files.folder(tmp_path / "new" / "kis")

    async def case(_, make):
        await make().get()

    run(folder, case)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700 or os.name == "nt"
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600 or os.name == "nt"
        assert not any(KEY[n : n + 4] in path.name for n in range(len(KEY) - 3))
        assert KEY not in path.read_text()
        assert SECRET not in path.read_text()


def test_live_and_paper_and_each_key_have_files_of_their_own():
    names = {files.fingerprint(host, key) for host in ("a:9443", "a:29443") for key in ("key-1", "key-2")}
    assert len(names) == 4


def test_it_is_replaced_ten_minutes_before_its_end_and_not_sooner(tmp_path):
    async def case(desk, make):
        tokens = make()
        first = await tokens.get()
        await desk.clock.sleep_until(tokens.ends - EARLY - 1000 * SECOND)
        same = await tokens.get(), await make().get()
        desk.issued = None
        await desk.clock.sleep_until(tokens.ends - EARLY)
        return first, same, await tokens.get(), len(desk.times)

    first, same, second, asked = run(tmp_path, case, speed=1500, lifetime=2400)
    assert (same, second, asked) == ((first, first), "token.number.2", 2)


def test_its_end_is_the_sooner_of_the_two_that_kis_tells(tmp_path):
    """Asked again within six hours KIS gives the same token; a client that reads its length as a fresh one's uses it too long."""

    async def case(desk, make):
        tokens = make()
        await tokens.get()
        return tokens.ends

    said = token(1, START - 5 * 3600 * SECOND, START) | {"expires_in": DAY}
    assert run(tmp_path, case, said=[answer(said)]) == START + 19 * 3600 * SECOND


@pytest.mark.parametrize("code", ["EGW00133", ""])
def test_a_refusal_because_of_the_minute_waits_it_out_from_the_answer(tmp_path, code):
    async def case(desk, make):
        return await make().get(), desk.times

    refusal = answer({"error_code": code, "error_description": "1분당 1회"} if code else b"<html>403</html>", 403)
    got, times = run(tmp_path, case, said=[refusal])
    assert got == "token.number.1"
    assert [wait >= 61 for wait in apart(times)] == [True]


def test_who_is_refused_reads_the_file_first_and_takes_what_another_process_got(tmp_path):
    """The other one has a lock of its own, as on a shared folder: it writes while we wait."""

    async def case(desk, make):
        tokens = make()
        wanted = asyncio.ensure_future(tokens.get())
        while not desk.times:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        other = make()
        other._write(
            other._kept.__class__(token="of.another", issued=desk.clock.now, ends=desk.clock.now + DAY * SECOND, asked=desk.clock.now)
        )
        return await wanted, len(desk.times), (desk.clock.now - desk.times[0]) / SECOND

    refusal = answer({"error_code": "EGW00133", "error_description": ""}, 403)
    got, asked, waited = run(tmp_path, case, said=[refusal], speed=200)
    assert (got, asked) == ("of.another", 1)
    assert waited < 60


def test_after_three_refusals_because_of_the_minute_it_says_that_another_program_asks(tmp_path):
    async def case(desk, make):
        with pytest.raises(VenueError, match="another program asks with this key"):
            await make().get()
        return apart(desk.times)

    refusal = answer({"error_code": "EGW00133", "error_description": ""}, 403)
    assert [wait >= 61 for wait in run(tmp_path, case, said=[refusal] * 3)] == [True, True]


@pytest.mark.parametrize(
    "failure", [RESET, (b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{", CLOSE), answer(b"<html>", 502), answer({"rt_cd": "0"})]
)
def test_a_request_that_failed_counts_for_the_minute_of_the_next_process_too(tmp_path, failure):
    async def case(desk, make):
        with pytest.raises(VenueError):
            await make().get()
        return await make().get(), apart(desk.times)

    got, waits = run(tmp_path, case, said=[failure])
    assert got == "token.number.1"
    assert [wait >= 61 for wait in waits] == [True]


def test_the_minute_is_counted_from_the_answer_not_from_the_request(tmp_path):
    """Its answer takes 20 s: whoever counts from the request is refused."""

    async def case(desk, make):
        with pytest.raises(VenueError):
            await make().get()
        answered = desk.clock.now
        await make().get()
        return (desk.times[1] - answered) / SECOND

    assert run(tmp_path, case, said=[(0.2, answer(b"", 500))], speed=100) >= 60.5


def test_a_request_that_no_connection_took_does_not_count(tmp_path):
    async def case():
        clock = ScaledClock(START, SPEED)
        async with Server(Desk(clock)) as server:
            url = server.url
        nobody = Transport(url, 1)
        tokens = Tokens(nobody, clock, KEY, SECRET, tmp_path)
        for _ in range(3):
            with pytest.raises(NotSentError):
                await tokens.get()
        await nobody.close()
        return json.loads(tokens.path.read_text())["asked"]

    assert asyncio.run(case()) == 0


def test_a_process_that_died_while_it_asked_may_have_asked(tmp_path):
    async def case(desk, make):
        dying = make()
        request = asyncio.ensure_future(dying.get())
        while not desk.times:
            await asyncio.sleep(0.001)
        dying._write = lambda kept: None  # it is killed: nothing is written any more
        await dying.close()
        request.cancel()
        return await make().get(), apart(desk.times)

    got, waits = run(tmp_path, case, said=[(30.0, RESET)])
    assert got == "token.number.1"
    assert [wait >= 61 for wait in waits] == [True]


def test_a_refused_token_is_replaced_once_for_all_who_hold_it(tmp_path):
    async def case(desk, make):
        tokens, other = make(), make()
        old = await tokens.get()
        assert await other.get() == old
        desk.issued = None  # it died at KIS before its end
        got = await asyncio.gather(*(each.renew(old) for each in (tokens, tokens, other)))
        return set(got), len(desk.times)

    assert run(tmp_path, case) == ({"token.number.2"}, 2)


def test_the_same_token_again_is_an_error_and_not_a_loop(tmp_path):
    async def case(desk, make):
        tokens = make()
        old = await tokens.get()
        for _ in range(3):
            with pytest.raises(VenueError, match="the same one"):
                await tokens.renew(old)
        return len(desk.times)

    assert run(tmp_path, case) == 2


def test_who_cannot_wait_for_the_minute_is_told_that_nothing_was_sent(tmp_path):
    async def case(desk, make):
        tokens = make()
        old = await tokens.get()
        with pytest.raises(NotSentError, match="one a minute"):
            await tokens.renew(old, desk.clock.now + 5 * SECOND)
        return len(desk.times)

    assert run(tmp_path, case) == 1


def test_a_token_in_its_last_minutes_is_used_where_no_other_can_be_had(tmp_path, caplog):
    async def case(desk, make):
        return await make().get(), await make().get(), len(desk.times)

    said = [answer(token(7, START - DAY * SECOND + 300 * SECOND, START)), answer(b"", 500)]
    assert run(tmp_path, case, said=said) == ("token.number.7", "token.number.7", 1)

    async def later(desk, make):
        await desk.clock.sleep_until(START + 700 * SECOND)
        return await make().get(), len(desk.times)

    (tmp_path / "x").mkdir()
    assert run(tmp_path / "x", later, speed=5000) == ("token.number.1", 1)


def test_a_clock_that_was_set_back_waits_no_longer_than_a_minute(tmp_path):
    class Moved(ScaledClock):
        by = 0

        @property
        def now(self):
            return super().now - self.by

    async def case(desk, make):
        with pytest.raises(VenueError):
            await make().get()
        desk.clock.by = 3600 * SECOND
        begun = desk.clock.now
        desk.times.clear()
        return await make().get(), (desk.clock.now - begun) / SECOND

    got, waited = run(tmp_path, case, said=[RESET], clock=Moved)
    assert got == "token.number.1"
    assert 61 <= waited < 1000


@pytest.mark.parametrize("damage", ["torn", "empty", "text", "changed", "version", "list"])
def test_a_damaged_file_is_not_used_said_so_and_counts_as_just_asked(tmp_path, caplog, damage):
    async def case(desk, make):
        tokens = make()
        first = await tokens.get()
        content = tokens.path.read_text()
        said = json.loads(content)
        tokens.path.write_text(
            {
                "torn": content[: len(content) // 2], "empty": "", "text": "no json", "list": "[]",
                "changed": json.dumps(said | {"token": "of.somebody.else"}), "version": json.dumps(said | {"version": 9}),
            }[damage]
        )  # fmt: skip
        return first, await make().get(), apart(desk.times)

    _, second, waits = run(tmp_path, case)
    assert second == "token.number.1"  # within six hours KIS gives the same one
    assert [wait >= 61 for wait in waits] == [True]
    assert "is not used" in caplog.text


def test_the_file_of_another_key_is_not_used(tmp_path, caplog):
    async def case(_, make):
        tokens, other = make(), make("another-key-of-the-same-host")
        await tokens.get()
        other.path.write_bytes(tokens.path.read_bytes())
        other.path.chmod(0o600)
        found = other._read()
        return found.token, found.asked > 0

    assert run(tmp_path, case) == ("", True)
    assert "another app key or host" in caplog.text


@posix
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o622])
def test_a_file_that_others_may_read_is_refused_and_stays_as_it_is(tmp_path, mode):
    async def case(desk, make):
        tokens = make()
        await tokens.get()
        tokens.path.chmod(mode)
        with pytest.raises(UsageError, match=f"mode 0{mode:o}"):
            await make().get()
        return len(desk.times), stat.S_IMODE(tokens.path.stat().st_mode)

    assert run(tmp_path, case) == (1, mode)


@posix
def test_its_rights_are_corrected_on_request(tmp_path, caplog):
    async def case(desk, make):
        tokens = make()
        await tokens.get()
        tokens.path.chmod(0o644)
        return await make(correct_rights=True).get(), len(desk.times), stat.S_IMODE(tokens.path.stat().st_mode)

    assert run(tmp_path, case) == ("token.number.1", 1, 0o600)
    assert "rights are set to 0600" in caplog.text


@posix
def test_a_link_in_place_of_the_file_is_refused(tmp_path):
    async def case(_, make):
        tokens = make()
        await tokens.get()
        elsewhere = tmp_path / "elsewhere"
        tokens.path.rename(elsewhere)
        tokens.path.symlink_to(elsewhere)
        with pytest.raises(UsageError, match="no plain file"):
            await make().get()

    run(tmp_path, case)


@posix
def test_a_folder_that_others_may_write_is_refused(tmp_path):
    tmp_path.chmod(0o777)
    with pytest.raises(UsageError, match="others may write"):
        files.folder(tmp_path)


def test_a_folder_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="token_cache"):
        files.folder(tmp_path / "file")


def test_the_folder_is_given_or_named_by_the_environment_or_the_users_own(tmp_path, monkeypatch):
    monkeypatch.setenv(files.VARIABLE, str(tmp_path / "named"))
    assert files.folder(tmp_path / "given") == tmp_path / "given"
    assert files.folder() == tmp_path / "named"
    monkeypatch.delenv(files.VARIABLE)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert files.folder() == tmp_path / "state" / "exec_algos" / "kis" or os.name == "nt"


@pytest.mark.parametrize("code", ["EGW00103", "EGW00105"])
def test_wrong_keys_are_told_with_kis_code_and_without_the_keys(tmp_path, code, caplog):
    caplog.set_level(logging.DEBUG)

    async def case(desk, make):
        tokens = make()
        with pytest.raises(VenueError, match=code) as error:
            await tokens.get()
        return repr(error.value) + repr(tokens) + caplog.text, len(desk.times)

    said = answer({"error_code": code, "error_description": f"유효하지 않은 AppKey {KEY} {SECRET}"}, 403)
    text, asked = run(tmp_path, case, said=[said])
    assert asked == 1
    assert "live or paper" in text
    assert not any(secret[n : n + 8] in text for secret in (KEY, SECRET) for n in range(len(secret) - 7))


@pytest.mark.parametrize(
    "said",
    [
        {"access_token": "", "expires_in": 86400}, {"access_token": None, "expires_in": 86400},
        {"access_token": "abc", "expires_in": "soon"},
        {"access_token": "abc", "expires_in": -1}, {"access_token": "abc"}, {"access_token": "a\nb", "expires_in": 86400},
        {"access_token": "토큰", "expires_in": 86400}, {"access_token": "abc", "access_token_token_expired": "2020-01-01 00:00:00"},
    ],
)  # fmt: skip
def test_a_token_that_cannot_be_is_none(tmp_path, said):
    async def case(_, make):
        with pytest.raises(VenueError, match="gave"):
            await make().get()

    run(tmp_path, case, said=[answer(said)])
