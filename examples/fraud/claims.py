"""Made-up car insurance claims whose true chance of fraud is known: realistic to look at, and nobody's data.

    python claims.py --rows 1000 --seed 7 --out claims.csv

Each claim is fraudulent with probability ``1 / (1 + exp(-logit))``, where

    logit = -3.30
          + 1.5  * (total_claim_amount - 52,000) / 27,000       large claims
          + 1.6  * [police_report_available is NO]              nobody official looked
          - 1.2  * (months_as_customer - 200) / 115             new customers
          + 0.9  * [the policy is at most 12 months old]        bound shortly before the claim
          + 0.9  * [umbrella_limit > 0]                         extra cover, bought on purpose
          - 0.7  * [policy_deductable is 2000]                  the customer carries more of the loss
          + 0.7  * [policy_csl is 500/1000]                     high liability limits
          + MAKE_EFFECT[auto_make]                              from -1.1 (Toyota) to +1.2 (Mercedes)
          + 1.1  * [injury_claim > 30 % of the total]           a share, which a linear model sees only in part

A quarter of the claims are fraudulent. The label is drawn by chance, so that even a model which knew this formula
would be wrong about single claims: on whole records it reaches a ROC AUC of 0.883, the ceiling for any model. Gaps
(``?``) hide part of the signal: one police report in seven is unknown. A linear model on prepared columns comes to
0.81 to 0.90, 0.86 on average, with 700 claims to learn from and 200 to be judged by; to 0.87 with 35,000.

`draw` makes the columns, `prepare.py` is where the road goes on.
"""

import argparse
import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np

COLUMNS = (
    "months_as_customer",
    "age",
    "policy_number",
    "policy_bind_date",
    "policy_state",
    "policy_csl",
    "policy_deductable",
    "policy_annual_premium",
    "umbrella_limit",
    "insured_zip",
    "police_report_available",
    "total_claim_amount",
    "injury_claim",
    "property_claim",
    "vehicle_claim",
    "auto_make",
    "auto_model",
    "auto_year",
    "fraud_reported",
)
LAST_DAY = date(2025, 12, 31)  # every policy was bound before it; fixed, so that a seed always gives the same file
UNKNOWN = "?"
UNKNOWN_SHARE = {
    "police_report_available": 0.14,
    "policy_annual_premium": 0.03,
    "umbrella_limit": 0.02,
    "property_claim": 0.02,
    "auto_model": 0.02,
    "age": 0.01,
}
DUPLICATE_SHARE = 0.008
ZIP_RANGES = {"OH": (43001, 45999), "IN": (46001, 47997), "IL": (60001, 62999)}
MODELS = {
    "Audi": ("A3", "A5", "Q5"),
    "BMW": ("320i", "X5", "X3"),
    "Chevrolet": ("Malibu", "Silverado", "Tahoe"),
    "Dodge": ("Charger", "RAM", "Durango"),
    "Ford": ("Escape", "F150", "Focus"),
    "Honda": ("Accord", "Civic", "CRV"),
    "Jeep": ("Grand Cherokee", "Wrangler"),
    "Mercedes": ("C300", "E400", "ML350"),
    "Nissan": ("Maxima", "Pathfinder", "Altima"),
    "Subaru": ("Forester", "Impreza", "Legacy"),
    "Toyota": ("Camry", "Corolla", "Highlander"),
    "Volkswagen": ("Jetta", "Passat"),
}
MAKE_EFFECT = {
    "Audi": 0.7,
    "BMW": 0.5,
    "Chevrolet": 0.0,
    "Dodge": 0.0,
    "Ford": 0.6,
    "Honda": -0.7,
    "Jeep": -0.4,
    "Mercedes": 1.2,
    "Nissan": -0.6,
    "Subaru": -0.4,
    "Toyota": -1.1,
    "Volkswagen": 0.0,
}
INTERCEPT = -3.30

Columns = dict[str, np.ndarray]


def _customers(rng: np.random.Generator, rows: int) -> Columns:
    months = np.clip(rng.gamma(3.0, 68.0, rows), 0, 479).astype(int)
    age = np.clip(19 + months / 12 + rng.gamma(2.0, 5.0, rows), 19, 84).astype(int)
    state = rng.choice(list(ZIP_RANGES), rows, p=(0.36, 0.30, 0.34))
    lows, highs = np.array([ZIP_RANGES[name] for name in state]).reshape(-1, 2).T
    return {"months_as_customer": months, "age": age, "policy_state": state, "insured_zip": rng.integers(lows, highs)}


def _policies(rng: np.random.Generator, months: np.ndarray) -> Columns:
    rows = len(months)
    deductable = rng.choice((500, 1000, 2000), rows, p=(0.34, 0.35, 0.31))
    csl = rng.choice(("100/300", "250/500", "500/1000"), rows, p=(0.35, 0.35, 0.30))
    premium = np.clip(rng.normal(1330, 230, rows) - 0.06 * deductable, 430, 2200).round(2)
    millions = rng.choice((4, 5, 6, 7, 8), rows) * rng.binomial(1, 0.2, rows)
    days_old = (rng.uniform(0, 1, rows) * (months + 1) * 30.4).astype(int)
    bound = np.array([(LAST_DAY - timedelta(days=int(days))).isoformat() for days in days_old])
    return {
        "policy_number": 100_000 + rng.choice(max(900_000, rows * 2), rows, replace=False),
        "policy_bind_date": bound,
        "policy_csl": csl,
        "policy_deductable": deductable,
        "policy_annual_premium": premium,
        "umbrella_limit": millions * 1_000_000,
    }


def _cars(rng: np.random.Generator, rows: int) -> Columns:
    make = rng.choice(list(MODELS), rows)
    model = np.array(
        [MODELS[name][pick % len(MODELS[name])] for name, pick in zip(make, rng.integers(0, 6, rows), strict=True)]
    )
    year = LAST_DAY.year - np.clip(rng.gamma(2.2, 3.4, rows), 0, 20).astype(int)
    return {"auto_make": make, "auto_model": model, "auto_year": year}


def _amounts(rng: np.random.Generator, rows: int) -> Columns:
    """Injury, property and vehicle claims in tens, which add up to the total; a fifth of the claims are small ones."""
    small = rng.binomial(1, 0.2, rows).astype(bool)
    target = np.where(small, rng.normal(5_500, 1_500, rows), rng.normal(63_000, 14_000, rows)).clip(500, 120_000)
    injury_share = rng.beta(2.0, 7.0, rows)
    property_share = (1 - injury_share) * rng.beta(2.0, 9.0, rows)
    injury = (target * injury_share / 10).astype(int) * 10
    damage = (target * property_share / 10).astype(int) * 10
    vehicle = (target * (1 - injury_share - property_share) / 10).astype(int) * 10
    total = injury + damage + vehicle
    return {
        "total_claim_amount": total,
        "injury_claim": injury,
        "property_claim": damage,
        "vehicle_claim": vehicle,
        "police_report_available": np.where(rng.binomial(1, 0.48, rows) == 1, "YES", "NO"),
    }


def fraud_probability(claims: Columns) -> np.ndarray:
    """The true chance of fraud of each claim, by the formula at the top of this file.

    Parameters
    ----------
    claims : columns by name, before any gap was made

    Returns
    -------
    (n_rows,) probabilities
    """
    days_old = np.array([(LAST_DAY - date.fromisoformat(bound)).days for bound in claims["policy_bind_date"]])
    logit = (
        INTERCEPT
        + 1.5 * (claims["total_claim_amount"] - 52_000) / 27_000
        + 1.6 * (claims["police_report_available"] == "NO")
        - 1.2 * (claims["months_as_customer"] - 200) / 115
        + 0.9 * (days_old <= 365)
        + 0.9 * (claims["umbrella_limit"] > 0)
        - 0.7 * (claims["policy_deductable"] == 2000)
        + 0.7 * (claims["policy_csl"] == "500/1000")
        + np.array([MAKE_EFFECT[make] for make in claims["auto_make"]])
        + 1.1 * (claims["injury_claim"] > 0.3 * claims["total_claim_amount"])
    )
    return 1 / (1 + np.exp(-logit))


def draw(rows: int, seed: int) -> Columns:
    """Claims without gaps or duplicates, with ``fraud_reported`` drawn from `fraud_probability`.

    Parameters
    ----------
    rows : how many claims
    seed : the same seed gives the same claims

    Returns
    -------
    columns by name, in the order of `COLUMNS`, each (n_rows,)
    """
    rng = np.random.default_rng(seed)
    claims = _customers(rng, rows)
    claims |= _policies(rng, claims["months_as_customer"]) | _cars(rng, rows) | _amounts(rng, rows)
    claims["fraud_reported"] = np.where(rng.uniform(size=rows) < fraud_probability(claims), "Y", "N")
    return {name: claims[name] for name in COLUMNS}


def raw_rows(rows: int, seed: int) -> list[list[str]]:
    """The claims as somebody would hand them over: with ``?`` for what is unknown, and some rows twice."""
    twice = int(rows * DUPLICATE_SHARE)
    claims = draw(rows - twice, seed)
    rng = np.random.default_rng((seed, 1))
    texts = {name: np.array([str(value) for value in values], dtype=object) for name, values in claims.items()}
    for name, share in UNKNOWN_SHARE.items():
        texts[name][rng.uniform(size=rows - twice) < share] = UNKNOWN
    table = [list(row) for row in zip(*texts.values(), strict=True)]
    for copied, position in zip(rng.integers(0, rows - twice, twice), rng.integers(0, rows, twice), strict=True):
        table.insert(int(position), list(table[int(copied)]))
    return table


def write(path: Path, rows: int = 1000, seed: int = 7) -> None:
    """Write raw claims as CSV, with a header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(raw_rows(rows, seed))


def main() -> None:
    """The command line of this file."""
    parser = argparse.ArgumentParser(description="Write made-up insurance claims as CSV.")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("claims.csv"))
    arguments = parser.parse_args()
    if arguments.rows < 1:
        parser.error("--rows must be at least 1")
    write(arguments.out, arguments.rows, arguments.seed)
    print(f"{arguments.rows:,} claims in {arguments.out}")


if __name__ == "__main__":
    main()
