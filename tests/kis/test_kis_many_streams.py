"""A small part of `tests/proofs/kis_streams.py`, which runs 41 streams for a minute."""

from proofs import kis_streams


def test_41_streams_are_read_without_loss():
    found = kis_streams.proof(1, 41, 50)
    assert (found.sent, found.read, found.lost, found.unread) == (2050, 2050, 0, 0)


def test_a_message_that_is_lost_or_late_is_seen():
    lags = [(0.001, 0.002), (0.5, 0.6)]
    assert kis_streams.Found(10, 9, 1, 0, lags, 0.1).wrong() == ["1 messages lost", "median lag rose from 1.0 to 500.0 ms"]
