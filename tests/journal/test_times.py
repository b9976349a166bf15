"""Times as records and transcripts spell them."""

import pytest

from journal.times import to_text, to_us


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-31T23:59:60Z", "2027-01-01T00:00:00.000000Z"),
        ("2026-12-31T23:59:60.5+01:00", "2026-12-31T23:00:00.500000Z"),
        ("2026-11-29t10:00:00z", "2026-11-29T10:00:00.000000Z"),
        ("2026-03-29T02:30:00+01:00", "2026-03-29T01:30:00.000000Z"),
        ("2100-02-28T12:00:00", "2100-02-28T12:00:00.000000Z"),
        ("1969-12-31T23:59:59Z", "1969-12-31T23:59:59.000000Z"),
    ],
)
def test_a_time_of_rfc_3339_is_read(text: str, moment: str) -> None:
    assert to_text(to_us(text)) == moment


@pytest.mark.parametrize("text", ["", "now", "2026-12-31T23:59:61Z", "9999-12-31T23:59:60Z"])
def test_no_other_text_is_a_time(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        to_us(text)
