"""transactions: which customers of a mobile-money service are about to drop out?

No default is on file. A proxy stands in for it: the least engaged of three clusters by recency,
frequency and monetary value, over the 30 days after those that the features see.
"""

from components.contracts.families import (
    Choice,
    ForestFamily,
    LogisticFamily,
    Search,
    Training,
    TreeFamily,
    XGBoostFamily,
)
from components.contracts.history import AsOfEnd, Figure, History
from components.contracts.modelling import Feature, Reason
from components.contracts.outcomes import GroupedSplit, ProxyLabel
from components.contracts.policy import FixedCutoff, Gate, Policy, Rule
from components.contracts.scenario import Scenario
from components.contracts.sources import Column, Kind, Merge, Part, Source

_CATEGORIES = (
    "airtime", "data_bundles", "financial_services", "movies", "other", "ticket", "transport",
    "tv", "utility_bill",
)  # fmt: skip
_CHANNELS = ("ChannelId_1", "ChannelId_2", "ChannelId_3", "ChannelId_5")
_PARTS = ("hour", "day", "month", "weekday")
_STARTED = "TransactionStartTime"

_TRANSACTIONS = Source(
    name="transactions",
    grain="one row a transaction",
    files=("data.csv",),
    key=("TransactionId",),
    date=_STARTED,
    columns=(
        *(
            Column(name=name, kind=Kind.KEY)
            for name in (
                "TransactionId", "BatchId", "AccountId", "SubscriptionId", "CustomerId",
                "ProviderId", "ProductId",
            )
        ),
        Column(name="CurrencyCode", kind=Kind.CATEGORY, values=("UGX",)),
        Column(name="CountryCode", kind=Kind.INTEGER, minimum=0),
        Column(
            name="ProductCategory", kind=Kind.CATEGORY, values=_CATEGORIES, max_missing=0.02
        ),
        Column(name="ChannelId", kind=Kind.CATEGORY, values=_CHANNELS),
        # below 0: money that comes in
        Column(name="Amount", kind=Kind.NUMBER, max_bad=0.01),
        Column(name="Value", kind=Kind.NUMBER, minimum=0, max_bad=0.01),
        Column(name=_STARTED, kind=Kind.MOMENT, max_bad=0.01),
        *(
            Column(name=f"Started_{part}", kind=Kind.INTEGER, of=_STARTED, reading=Part(part=part))
            for part in _PARTS
        ),
        Column(name="PricingStrategy", kind=Kind.CATEGORY, values=("0", "1", "2", "4")),
        Column(name="FraudResult", kind=Kind.INTEGER, minimum=0, maximum=1, after=True),
    ),
)  # fmt: skip

#: Figure, what it is in words, the code of its reason.
_FIGURES = (
    (Figure(name="transactions", how="count"), "transactions so far", "COUNT"),
    (Figure(name="amount_sum", how="sum", of="Amount"), "money spent, net", "NET"),
    (Figure(name="value_sum", how="sum", of="Value"), "money moved", "MOVED"),
    (Figure(name="amount_mean", how="mean", of="Amount"), "mean amount, net", "NET-MEAN"),
    (Figure(name="value_mean", how="mean", of="Value"), "mean amount moved", "MEAN"),
    (Figure(name="amount_deviation", how="deviation", of="Amount"), "spread, net", "NET-SPREAD"),
    (Figure(name="value_deviation", how="deviation", of="Value"), "spread of amounts", "SPREAD"),
    (Figure(name="value_maximum", how="maximum", of="Value"), "largest amount", "LARGEST"),
    (Figure(name="days_since", how="days-since"), "days since the last transaction", "SINCE"),
    (Figure(name="products", how="distinct", of="ProductId"), "products used", "PRODUCTS"),
    (Figure(name="batches", how="distinct", of="BatchId"), "batches", "BATCHES"),
    (Figure(name="count_14", how="count", days=14), "transactions in 14 days", "COUNT-14"),
    (Figure(name="value_14", how="sum", of="Value", days=14), "money moved in 14 days", "MOVED-14"),
    (Figure(name="count_30", how="count", days=30), "transactions in 30 days", "COUNT-30"),
    *(
        (
            Figure(name=f"{part}_mean", how="mean", of=f"Started_{part}"),
            f"mean {part} of transactions",
            f"{part}-MEAN".upper(),
        )
        for part in _PARTS
    ),
    *(
        (
            Figure(name=f"{part}_deviation", how="deviation", of=f"Started_{part}"),
            f"spread of the {part} of transactions",
            f"{part}-SPREAD".upper(),
        )
        for part in _PARTS
    ),
    *(
        (
            Figure(name=f"share_{value}", how="share", of="ProductCategory", value=value),
            f"share of transactions for {value.replace('_', ' ')}",
            f"CAT-{number}",
        )
        for number, value in enumerate(_CATEGORIES, 1)
        if value != "other"  # next to nobody's
    ),
    *(
        (
            Figure(name=f"share_{value}", how="share", of="ChannelId", value=value),
            f"share of transactions by {value}",
            f"CHANNEL-{number}",
        )
        for number, value in enumerate(_CHANNELS, 1)
    ),
    (Figure(name="last_category", how="last", of="ProductCategory"), "last category", "LAST-CAT"),
    (Figure(name="last_channel", how="last", of="ChannelId"), "last channel", "LAST-CHAN"),
    (Figure(name="last_pricing", how="last", of="PricingStrategy"), "last pricing", "LAST-PRICE"),
)

_FEATURES = tuple(
    Feature(
        name=figure.name,
        title=title,
        reason=Reason.about(code, title),
    )
    for figure, title, code in _FIGURES
)

_ENCODERS = Choice(values=("one-hot", "ordinal", "woe"))

SCENARIO = Scenario(
    name="transactions",
    title="Mobile money: least engaged customers, in place of a default",
    sources=(_TRANSACTIONS,),
    merge=Merge(
        table="customers",
        grain="one row a customer, as of the end of the features' window",
        key="CustomerId",
        sources=("transactions",),
        columns=("CustomerId",),
    ),
    as_of=AsOfEnd(days=30),
    histories=(
        History(
            source="transactions", on="CustomerId", figures=tuple(figure for figure, *_ in _FIGURES)
        ),
    ),
    label=ProxyLabel(
        source="transactions", on="CustomerId", amount="Value", days=30, clusters=3, seed=42
    ),
    split=GroupedSplit(by=("CustomerId",), test=0.20, validation=0.2, seed=42),
    features=_FEATURES,
    training=Training(
        families=(
            LogisticFamily(
                method="grid",
                search={
                    "inverse_penalty": Choice(values=(0.01, 0.1, 1.0)),
                    "encoder": _ENCODERS,
                    "scaler": Choice(values=("standard", "min-max", "robust")),
                },
            ),
            TreeFamily(
                method="grid",
                search={
                    "max_depth": Choice(values=(2, 5, 8)),
                    "least_share": Choice(values=(0.001, 0.01, 0.05)),
                    "encoder": _ENCODERS,
                },
            ),
            ForestFamily(method="random", search={**ForestFamily.SPACES, "encoder": _ENCODERS}),
            XGBoostFamily(method="random", search={**XGBoostFamily.SPACES, "encoder": _ENCODERS}),
        ),
        # as many as either grid has points, so that every family has the same chance
        search=Search(trials=27, folds=5),
        seed=42,
    ),
    gate=Gate(rules=(Rule(metric="auc", floor=0.65), Rule(metric="ece", ceiling=0.10))),
    policy=Policy(version=1, cutoff=FixedCutoff(approve_below=0.50)),
)
