"""Frames of KIS's web socket; the vectors were made with another program, from the key and iv of the acknowledgement beside them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exec_algos.brokers.kis.frames import Ack, Cipher, Data, FrameError, Ping, parse, records, subscription

KEY, IV = "qmxkvdtwhzcrabnpjfeoylsugiqwertz", "4f1c9a27d05be836"
ACK = (
    '{"header":{"tr_id":"H0STCNI0","tr_key":"HTSUSER1","encrypt":"Y"},"body":{"rt_cd":"0","msg_cd":"OPSP0000","msg1":"SUBSCRIBE SUCCESS",'
    f'"output":{{"iv":"{IV}","key":"{KEY}"}}}}}}'
)
ACCEPTED = (
    "1|H0STCNI0|001|h1QVSJVcBsuBFxlwzSzFmqwq6Lwc8DkqGOkw/FjnCLziGIRRgXsmimQmdzhX6T+wBVCpOg+wrosmFD+2v4+1R/xYPI8Pg4tHYVWFXDT6VKkp4j6OS1DaRBTrt"
    "//SjKuXPlYtc8wpDE+1EtqnqP6QFRKDpfNloibfN3CN2CzEYYUi9t5A/4Ll2500IW7bDdmo1IPrzB79J2O2W0J+xPWYYg=="
)
EXECUTED = (
    "1|H0STCNI0|001|h1QVSJVcBsuBFxlwzSzFmqwq6Lwc8DkqGOkw/FjnCLziGIRRgXsmimQmdzhX6T+wcIIBo+MMdW9ow4NDTRw/9PJUoG4L1Pls/Z0bW/2hFMUm1wWJR7kXsHv1y"
    "9jks4zYBfLSBGqhuen1/2eG1tx/hU2erATUwopoJiYK7cu6j5iX7/p5zTnCoDTky8bCKTPHjBw8pFymzUCvxdBgbhHLrg=="
)
NOTICE = "HTSUSER1^5012345601^0001569157^^02^0^00^0^005930^{}^000062400^{}^06010^000000100^홍길동^000000000^1^Y^^10^^삼성전자^000062400"
ACCEPTED_TEXT = NOTICE.format("0000000100", "100312^0^1^1")
EXECUTED_TEXT = NOTICE.format("0000000040", "100315^0^2^2")


@pytest.mark.parametrize(("frame", "text"), [(ACCEPTED, ACCEPTED_TEXT), (EXECUTED, EXECUTED_TEXT)], ids=["acceptance", "execution"])
def test_the_published_frames_are_read_with_the_key_of_the_acknowledgement(frame, text):
    ack = parse(ACK)
    assert records(parse(frame), Cipher(ack.key, ack.iv)) == [text.split("^")]


def test_an_acknowledgement_says_what_it_answers_and_whether_it_stands():
    assert parse(ACK) == Ack(tr_id="H0STCNI0", tr_key="HTSUSER1", ok=True, code="OPSP0000", text="SUBSCRIBE SUCCESS", key=KEY, iv=IV)
    assert parse(ACK).subscribed
    refused = parse('{"header":{"tr_id":"(null)"},"body":{"rt_cd":"9","msg_cd":"OPSP8996","msg1":"ALREADY IN USE appkey"}}')
    assert (refused.subscribed, refused.code, refused.tr_id) == (False, "OPSP8996", "(null)")


def test_one_that_stood_already_stands():
    assert parse('{"header":{"tr_id":"H0STASP0","tr_key":"005930"},"body":{"rt_cd":"1","msg_cd":"OPSP0002"}}').subscribed


def test_a_pingpong_is_kept_as_it_came():
    text = '{"header":{"tr_id":"PINGPONG","datetime":"20261123100320"}}'
    assert parse(text) == Ping(text)
    assert parse(text.encode()) == Ping(text)


@pytest.mark.parametrize("encrypt", ["Y", "N"])
def test_the_first_character_decides_whether_a_frame_is_encrypted(encrypt):
    ack = parse(ACK.replace('"encrypt":"Y"', f'"encrypt":"{encrypt}"'))
    cipher = Cipher(ack.key, ack.iv)
    assert records(parse(ACCEPTED), cipher) == [ACCEPTED_TEXT.split("^")]
    assert records(parse(f"0|H0STCNI0|001|{ACCEPTED_TEXT}"), cipher) == [ACCEPTED_TEXT.split("^")]


def test_bars_within_a_payload_do_not_split_it():
    assert parse("0|H0STCNT0|001|005930^a|b|c^1") == Data(encrypted=False, tr_id="H0STCNT0", count=1, payload="005930^a|b|c^1")


def test_several_records_of_a_frame_are_told_apart():
    assert records(parse("0|H0STCNT0|003|A^1^^B^2^^C^3^")) == [["A", "1", ""], ["B", "2", ""], ["C", "3", ""]]


@pytest.mark.parametrize(
    "frame",
    [
        "", "x", "2|H0STCNT0|001|a", "0", "0|", "0|H0STCNT0", "0|H0STCNT0|001", "0|H0STCNT0|000|a", "0|H0STCNT0|-1|a", "0|H0STCNT0|1.5|a",
        "0|H0STCNT0||a", "0|H0STCNT0|\u0662|a", "0|H0STCNT0|1111111111|a", "{", "{}", '{"header":[]}',
         '{"header":{"tr_id":"X"},"body":"no"}',
        '{"a":' * 100_000, b"\xff\xfe", '{"header":{"tr_id":7},"body":7}',
    ],
)  # fmt: skip
def test_garbage_is_an_error_of_ours(frame):
    with pytest.raises(FrameError):
        parse(frame)


@pytest.mark.parametrize("frame", ["0|H0STCNT0|002|a^b^c", "0|H0STCNT0|004|a^b^c"])
def test_fields_that_are_no_whole_number_of_records_are_an_error(frame):
    with pytest.raises(FrameError, match="3 fields, which are not"):
        records(parse(frame))


def test_an_encrypted_frame_without_a_key_is_an_error():
    with pytest.raises(FrameError, match="no key"):
        records(parse(ACCEPTED))


@pytest.mark.parametrize(
    ("payload", "key", "iv"),
    [
        ("AAAA", KEY, IV), ("not base64!", KEY, IV), ("", KEY, IV), (ACCEPTED[15:-4], KEY, IV), (ACCEPTED[15:], KEY[::-1], IV),
        (ACCEPTED[15:], "", ""), (ACCEPTED[15:], KEY[:-1], IV), (ACCEPTED[15:], KEY, IV + "0"), (ACCEPTED[15:], "\ud800" * 4, IV),
    ],
)  # fmt: skip
def test_what_cannot_be_read_with_this_key_is_an_error(payload, key, iv):
    with pytest.raises(FrameError, match="cannot be read with this session's key"):
        Cipher(key, iv).text(payload)


def test_nothing_secret_and_no_account_stands_in_a_repr_or_an_error():
    frames = (parse(ACK), Cipher(KEY, IV), parse(f"0|H0STCNI0|001|{ACCEPTED_TEXT}"))
    with pytest.raises(FrameError) as lacking:
        records(parse(f"1|5012345601|001|{ACCEPTED_TEXT}"))
    with pytest.raises(FrameError) as torn:
        parse("0|5012345601|x|y")
    said = repr(frames) + str(lacking.value) + str(torn.value)
    assert not any(secret[at : at + 8] in said for secret in (KEY, IV, "5012345601") for at in range(len(secret) - 7))


def test_a_registration_is_written_as_the_venue_reads_it():
    assert json.loads(subscription("6f2d1c0a-1111-4222-8333-0123456789ab", "H0STCNI0", "HTSUSER1")) == {
        "header": {"approval_key": "6f2d1c0a-1111-4222-8333-0123456789ab", "custtype": "P", "tr_type": "1", "content-type": "utf-8"},
        "body": {"input": {"tr_id": "H0STCNI0", "tr_key": "HTSUSER1"}},
    }


@given(st.one_of(st.text(), st.binary(), st.builds("{}|{}|{}|{}".format, st.sampled_from("01"), st.text(), st.text(), st.text())))
def test_nothing_but_an_error_of_ours_comes_of_noise(frame):
    try:
        said = parse(frame)
        if isinstance(said, Data):
            records(said, Cipher(KEY, IV))
    except FrameError:
        pass


@given(st.sampled_from([ACK, ACCEPTED, EXECUTED]), st.integers(0, 500), st.characters(), st.booleans())
def test_nothing_but_an_error_of_ours_comes_of_a_damaged_frame(frame, at, character, cut):
    at %= len(frame)
    damaged = frame[:at] if cut else frame[:at] + character + frame[at + 1 :]
    try:
        said = parse(damaged)
        if isinstance(said, Data):
            records(said, Cipher(KEY, IV))
    except FrameError:
        pass
