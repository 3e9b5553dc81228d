"""What the words of the page mean."""

from __future__ import annotations

DEFINITIONS: tuple[tuple[str, str], ...] = (
    (
        "slippage",
        "side x (average fill price - benchmark) / benchmark x 10,000, in basis points (bps); side is +1 for a buy and -1 for a sell. "
        "Positive = cost, for buys and for sells. Before commission, and of the filled shares only: read it with the fill rate.",
    ),
    (
        "cost in money",
        "side x (average fill price - benchmark) x filled shares, summed over the orders that have a slippage. Each currency has its own "
        "sum; none is converted.",
    ),
    (
        "interval VWAP",
        "volume-weighted mean price of the bars in the order's window; a bar's price is the vendor's VWAP if within [low, high], else "
        "(high + low + close) / 3.",
    ),
    ("interval TWAP", "plain mean of the same bar prices in the window."),
    (
        "session VWAP",
        "the same as interval VWAP over the whole session, so partly after the order's end if the window is shorter.",
    ),
    (
        "arrival price",
        "close of the last bar of the same session that had ended when the window began, else the open of the first bar in the window.",
    ),
    (
        "implementation shortfall",
        "what a portfolio that traded the whole order at the decision price would have earned, less what this one did. Its parts: delay "
        "(from decision to arrival; 0 where an order is decided when it arrives), half the spread and the impact that the fills paid "
        "by the model, timing (the price between arrival and fill), opportunity (what was not filled, from the arrival to the "
        "session's close) and fees. Of fills that were really made spread, impact and timing are one part: trading.",
    ),
    (
        "mark-out",
        "side x (fill price - last price a while later) / fill price x 10,000. Fills that have no such time left in their session are not "
        "in the mean.",
    ),
    (
        "mean, median, sd",
        "over parent orders, each with the same weight; orders without a fill or a benchmark have no slippage and are not in n.",
    ),
    ("notional-weighted mean", "each parent order weighs as much as the value it traded (filled shares x average price)."),
    (
        "95 % interval",
        "of the mean, with standard errors clustered by day (orders of one day may move together; CR1) and Student's t with days - 1 "
        "degrees of freedom. One day gives no interval.",
    ),
    (
        "orders that would tell",
        "n ((z(0.975) + z(0.8)) x standard error / difference)^2: as many orders like these show a difference as large as the one here "
        "with a chance of 80 % in a two-sided test at 5 %, if more orders come with more days.",
    ),
    ("fill rate", "filled / ordered shares, over all orders of the row."),
    ("participation", "filled shares / volume of the window, mean over orders."),
    ("residual", "ordered less filled shares."),
    ("not estimable", "the data do not say: nothing was filled, no benchmark, or too few days."),
)
