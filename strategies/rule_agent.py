"""An agent by rule inside a backtest: buy what has fallen far, sell what has risen far, sized by a volatility target, worked by VWAP.

python strategies/rule_agent.py
"""

from __future__ import annotations

from functools import partial

from exec_algos import VWAP, BacktestEngine, Commission, FillModel
from exec_algos.agents import AgentDecision, AgentStrategy, Mandate
from exec_algos.backtest import BacktestResult, DataHandler
from exec_algos.market.samples import load_samples

SYMBOLS = ["SYNLARGE", "SYNMID", "SYNWILD"]
CASH = 10_000_000
LOOKBACK, FAR = 390, 1.0  # minutes, standard deviations


class MeanReversion:
    """Compares the last close with the last 390: ``z = (C - mean) / std``."""

    def __init__(self, data_handler: DataHandler) -> None:
        self.data_handler = data_handler

    async def analyze(self, ticker: str) -> AgentDecision:
        """Long below -1, short above 1, in between as it was."""
        closes = self.data_handler.history(ticker, LOOKBACK)["close"]
        z = (closes.iloc[-1] - closes.mean()) / closes.std()
        action = "BUY" if z < -FAR else "SELL" if z > FAR else "HOLD"
        return AgentDecision(action, 0.3, reason=f"z = {z:.2f}")


def main() -> BacktestResult:
    """Replay two weeks, asking at 10:30 and at 14:00; what comes before is history for z, volatility and volume profiles."""
    bars = load_samples()["XNYS"].select(SYMBOLS)
    mandate = Mandate(algorithm=VWAP(profile_days=5), duration_minutes=60, max_participation=0.1, allow_short=True, target_volatility=0.2)
    strategy = partial(AgentStrategy, agent=MeanReversion, cash=CASH, when=["10:30", "14:00"], mandate=mandate)
    model = FillModel(price="vwap", commission=Commission(per_share=0.0035, minimum=0.35))
    return BacktestEngine(bars, [strategy], CASH, model, calendar="XNYS", start="2025-12-10").run()


if __name__ == "__main__":
    result = main()
    columns = ["start", "symbol", "side", "quantity", "filled", "average_price", "slippage_vwap_bps", "participation"]
    orders = result.parents[columns].assign(start=result.parents["start"].dt.strftime("%m-%d %H:%M"))
    print(orders.to_string(index=False, float_format="{:,.3f}".format))
    print(f"\nEquity {result.equity['equity'].iloc[-1]:,.2f} after {len(result.fills)} fills; the data are synthetic.")
