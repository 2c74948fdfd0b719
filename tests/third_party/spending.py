"""The functions of Hamilton's first example: what advertising costs for each who signs up.

Owns the graph, which follows from the names of their arguments.
"""

from __future__ import annotations

import pandas as pd


def rolling_spend(spend: pd.Series) -> pd.Series:
    return spend.rolling(3, min_periods=1).mean()


def spend_per_signup(spend: pd.Series, signups: pd.Series) -> pd.Series:
    return spend / signups


def spend_mean(spend: pd.Series) -> float:
    return float(spend.mean())


def spend_zero_mean(spend: pd.Series, spend_mean: float) -> pd.Series:
    return spend - spend_mean
