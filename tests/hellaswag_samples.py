"""Made-up items in the schema of HellaSwag's validation set."""

SUBJECTS = ["A man", "The girl", "Two dogs", "A crowd of people", "An old sailor", "The chef"]
PLACES = ["on the roof", "beside a lake", "in the kitchen", "at the station"]
DEEDS = [
    "starts to sing loudly.",
    "[title] Wash the pan. [step] Use warm  water [substeps].",
    "runs in and out.",
    "picks up a red umbrella.",
    "falls asleep at 12:45 at last.",
]


def made_up_rows() -> list[dict]:
    """24 rows in the published schema, captions and how-tos, with endings of very different lengths."""
    rows = []
    for number, subject in enumerate(SUBJECTS):
        for place_number, place in enumerate(PLACES):
            how_to = (number + place_number) % 2 == 1
            a = (
                f"[header] How to stay {place} [title] Be calm. [step] {subject} waits."
                if how_to
                else f"{subject} is {place}."
            )
            b = "" if how_to else "then HE"
            rows.append(
                {
                    "ind": len(rows),
                    "activity_label": "Home and  Garden" if how_to else "Roof repair",
                    "ctx_a": a,
                    "ctx_b": b,
                    "ctx": f"{a} {b}".strip(),
                    "endings": [DEEDS[(number + place_number + i) % len(DEEDS)] for i in range(4)],
                    "source_id": "wikihow~1" if how_to else "activitynet~v_1",
                    "split": "val",
                    "split_type": "indomain",
                    "label": str((number * 3 + place_number) % 4),
                }
            )
    return rows
