"""Any bytes, any TOML and any environment give settings or a usage error."""

from collections.abc import Mapping

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chance import examples
from journal.errors import UsageError
from journal.layout import Layout
from tests.journal.settings.test_settings import keys, load

HOSTILE = settings(
    max_examples=examples(150),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
NAMES = st.sampled_from([name for pair in keys() for name in pair]) | st.text(max_size=8)
VALUES = st.recursive(
    st.sampled_from(["1", "-1", "true", "nan", "1e999", "''", "'x'", '"\\u0000"', "07:00:00"])
    | st.from_regex(r"'[ -&(-~]{0,12}'", fullmatch=True),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
    max_leaves=4,
)
PAIRS = st.tuples(st.sampled_from(keys()), VALUES).map(
    lambda pair: f"[{pair[0][0]}]\n{pair[0][1]} = {pair[1]}\n"
)
TABLES = st.lists(st.tuples(NAMES, NAMES, VALUES), max_size=4).map(
    lambda rows: "".join(f"[{section}]\n{key} = {value}\n" for section, key, value in rows)
)


def settings_or_usage_error(layout: Layout, data: bytes, environ: Mapping[str, str]) -> None:
    try:
        made = load(layout, data, environ)
    except UsageError as error:
        reported = f"{error}\n{error.hint}"
    else:
        reported = f"{layout.config}\n{made.watch.settle_ms}"
    assert len(reported.splitlines()) == 2, reported


@HOSTILE
@given(st.binary(max_size=200))
def test_any_bytes_give_settings_or_a_usage_error(layout: Layout, data: bytes) -> None:
    settings_or_usage_error(layout, data, {})


@HOSTILE
@given(PAIRS | TABLES)
def test_anything_like_toml_gives_settings_or_a_usage_error(layout: Layout, text: str) -> None:
    settings_or_usage_error(layout, text.encode(errors="replace"), {})


@HOSTILE
@given(st.dictionaries(st.tuples(NAMES, NAMES), st.text() | VALUES, max_size=3))
def test_any_environment_gives_settings_or_a_usage_error(
    layout: Layout, variables: dict[tuple[str, str], str]
) -> None:
    environ = {f"JOURNAL_{section}__{key}": text for (section, key), text in variables.items()}
    settings_or_usage_error(layout, b"", environ)


# The example
