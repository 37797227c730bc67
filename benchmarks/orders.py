"""What becomes of messages that ask nothing about the owner ("say banana"), and of requests that look like them.

    python benchmarks/orders.py            two minutes
    python benchmarks/orders.py --show     with the orders that got a passage, and the requests that got none
    python benchmarks/orders.py --once     as a site without a server begins: read by the first reader alone

395 messages by a writer whose others nothing has learned from (orders.txt), dealt out to the shipped profiles and five
people of the dev half. Few of the requests fit the person who gets them: how many find a passage is to be compared with
another reader's figure (--reader), not with 100 %.
"""

import argparse
import tempfile
from collections import Counter
from pathlib import Path

from fischgpt.assistant.smalltalk import small_talk
from fischgpt.evals.profile_items import read_sets
from fischgpt.profile import rereading
from fischgpt.profile.cross_encoder import CrossEncoder
from fischgpt.profile.index import Index
from fischgpt.profile.profile import load_profile

HERE = Path(__file__).parent
EVERY = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reader", type=Path, help="the .onnx of another cross-encoder")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--once", action="store_true", help="without the cross-encoder")
    args = parser.parse_args()
    if args.reader:
        other = CrossEncoder(args.reader)
        rereading.cross_encoder = lambda: other  # type: ignore[assignment]
    said = [line.split(" ## ", 1) for line in (HERE / "orders.txt").read_text(encoding="utf-8").splitlines()]
    owners = [HERE.parent / "profiles" / name for name in ("fisch", "curie")]
    owners += [known.resume for known in read_sets() if known.half == "dev"][::EVERY]
    told: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory() as cache:
        for number, owner in enumerate(owners):
            profile = load_profile(owner)
            index = Index.open(profile, Path(cache), reread=not args.once)
            for kind, text in said[number :: len(owners)]:
                if small_talk(text, profile.name, profile.starters):
                    told[kind, "small talk"] += 1
                    continue
                found = index.search(text)
                told[kind, "answered" if found.answerable else "declined"] += 1
                if args.show and found.answerable is (kind == "order"):
                    print(f"{found.score:.2f} {kind}: {text}\n         {found.hits[0].passage.text}")
    for kind in ("order", "ask"):
        told_of = {outcome: n for (one, outcome), n in sorted(told.items()) if one == kind}
        print(f"{kind}, {sum(told_of.values())}: {', '.join(f'{n} {outcome}' for outcome, n in told_of.items())}")


if __name__ == "__main__":
    main()
