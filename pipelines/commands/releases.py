"""`vintage releases`: what was registered, and which of it was champion when."""

import argparse
import sys

HELP = "list a scenario's releases, and when each was champion"
EXAMPLE = "vintage releases card-default"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", help="one of: vintage scenarios")


def main(args: argparse.Namespace) -> int:
    from components.deployment.step import releases
    from pipelines.scenarios import check_name

    check_name(args.scenario)
    found = releases(args.scenario)
    if not found:
        sys.stdout.write(f"{args.scenario}: no release; see: vintage run {args.scenario}\n")
        return 0
    head = ("release", "family", "bundle", "registered", "by run", "auc")
    sys.stdout.write(_line("", *head))
    for one in found:
        facts = one.facts or {"family": "(not in the store)"}
        auc = facts.get("metrics", {}).get("auc")
        sys.stdout.write(
            _line(
                "*" if one.champion else "",
                one.release[:12],
                str(facts.get("family", "")),
                str(facts.get("bundle", ""))[:12],
                str(facts.get("registered_at", ""))[:16].replace("T", " "),
                str(facts.get("run", "")),
                "" if auc is None else f"{auc:.4f}",
            )
        )
        for p in one.promotions:
            sys.stdout.write(
                f"    champion number {p.number}: {p.at:%Y-%m-%d %H:%M} by {p.who}, {p.reason}\n"
            )
    sys.stdout.write("\n* the champion; times are UTC\n")
    return 0


def _line(mark: str, *words: str) -> str:
    widths = (12, 20, 12, 16, 22, 6)
    texts = (word.ljust(width) for word, width in zip(words, widths, strict=True))
    return f"{mark:<2}{'  '.join(texts)}".rstrip() + "\n"
