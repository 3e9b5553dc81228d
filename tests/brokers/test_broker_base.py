import pytest
from small_markets import MINUTE, at, run

from exec_algos import BrokerAPI, Fill, ParentOrder, Side, VWAPExecutor, get_settings
from exec_algos.clock import WallClock
from exec_algos.errors import UsageError
from exec_algos.model import Session


class Least(BrokerAPI):
    """The four calls a broker must have."""

    async def place_order(self, ticker, quantity, order_type="MKT", limit_price=None, *, side="BUY", expires=None, parent=None):
        return Fill(self.clock.now, ticker, quantity, 10.0, side=side, parent_id=parent.parent_id)

    async def cancel_order(self, order_id):
        return False

    async def get_historical_volume_profile(self, ticker, days=5):
        raise NotImplementedError

    async def get_market_depth(self, ticker):
        return {}


@pytest.fixture
def calendar(monkeypatch):
    """Sets the calendar of the settings for one test."""

    def use(name):
        monkeypatch.setenv("EXEC_ALGOS_CALENDAR", name)
        get_settings.cache_clear()

    yield use
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.mark.parametrize("missing", ["place_order", "cancel_order", "get_historical_volume_profile", "get_market_depth"])
def test_a_broker_lacks_none_of_its_four_calls(missing):
    kind = type(
        "Partial", (BrokerAPI,), {name: value for name, value in vars(Least).items() if name in BrokerAPI.__abstractmethods__ - {missing}}
    )
    with pytest.raises(TypeError, match=missing):
        kind()


def test_a_broker_lives_on_the_wall_clock_and_knows_no_bars():
    assert isinstance(Least().clock, WallClock)
    assert Least().resolution == 0


def test_each_broker_numbers_its_own_parent_orders():
    parent = ParentOrder(symbol="X", side=Side.BUY, quantity=1, start=0, end=MINUTE, interval=MINUTE)
    first, second = Least(), Least()
    assert [first.open_parent(parent).parent_id, first.open_parent(parent).parent_id, second.open_parent(parent).parent_id] == [0, 1, 0]


@pytest.mark.parametrize(
    ("asked", "opens", "closes"),
    [
        ("2024-01-02 11:00", "2024-01-02 09:30", "2024-01-02 16:00"),
        ("2024-01-02 16:00", "2024-01-03 09:30", "2024-01-03 16:00"),
        ("2024-01-06 12:00", "2024-01-08 09:30", "2024-01-08 16:00"),  # a Saturday
        ("2024-07-03 10:00", "2024-07-03 09:30", "2024-07-03 13:00"),  # the half day before the holiday
        ("2024-07-04 10:00", "2024-07-05 09:30", "2024-07-05 16:00"),
    ],
)
@pytest.mark.slow
def test_a_session_is_the_one_that_is_open_or_the_next_of_the_settings_calendar(calendar, asked, opens, closes):
    calendar("XNYS")
    assert Least().session(at(asked)) == Session(at(opens), at(closes), "America/New_York")


def test_a_market_that_never_closes_has_a_session_a_day(calendar):
    calendar("24/7")
    noon = 1_704_196_800_000_000_000  # 2024-01-02 12:00 UTC
    assert Least().session(noon) == Session(noon - 720 * MINUTE, noon + 720 * MINUTE, "UTC")


def test_an_order_type_that_a_broker_cannot_work_is_the_callers_to_handle(calendar):
    calendar("24/7")
    with pytest.raises(NotImplementedError):
        run(VWAPExecutor(Least()).execute("X", 10))


def test_a_venue_without_a_session_in_sight_is_an_error(calendar, monkeypatch):
    from exec_algos.market import calendars

    calendar("24/7")
    monkeypatch.setattr("exec_algos.brokers.base.sessions", lambda *_: calendars.sessions("24/7", 0, 0))
    with pytest.raises(UsageError, match="has no session within 14 days"):
        Least().session(at("09:30"))
