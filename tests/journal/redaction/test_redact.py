import json

import pytest

from journal.errors import UsageError
from journal.redaction import rules
from journal.redaction.redactor import Redactor, hits
from journal.redaction.version import RULES_VERSION
from places import DATA

KEY = bytes(range(32))
REDACTOR = Redactor(KEY)
RECORDINGS = DATA / "recordings"
TAIL = "9aB3dE5gH7jK1mN2pQ3sT5vW7yZ9bC1dE3fG5hJ7kL9mN1pQ3sT5"
HEX = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
PEM_BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"

# (text, the part of it that must vanish); {} is the place of that part
PLANTED = {
    "aws id": ("key id {} here", "AKIAIOSFODNN7EXAMPLE"),
    "aws session id": ("{}", "ASIA" + "Y34FZKBOKMUTVV7A"),
    "aws secret": ("AWS_SECRET_ACCESS_KEY={}", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    "aws credentials file": (
        "aws_secret_access_key = {}",
        "/Jalr+UtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKY",
    ),
    "github classic": ("git clone with {}", "ghp_" + TAIL[:36]),
    "github oauth": ("{}", "gho_" + TAIL[:36]),
    "github user": ("{}", "ghu_" + TAIL[:36]),
    "github server": ("{}", "ghs_" + TAIL[:36]),
    "github refresh": ("{}", "ghr_" + TAIL[:36]),
    "github fine-grained": ("{}", "github_pat_" + TAIL[:22] + "_" + TAIL),
    "gitlab": ("{}", "glpat-" + TAIL[:20]),
    "slack bot": ("{}", "xoxb-" + "123456789012-1234567890123-" + TAIL[:24]),
    "slack app": ("{}", "xapp-" + "1-A0123456789-1234567890123-" + HEX),
    "slack hook": ("curl https://hooks.slack.com/services/{}", "T00000000/B00000000/" + TAIL[:24]),
    "stripe live": ("{}", "sk_" + "live_" + TAIL[:24]),
    "stripe restricted": ("{}", "rk_" + "live_" + TAIL[:24]),
    "stripe test": ("{}", "sk_" + "test_" + TAIL[:24]),
    "openai": ("{}", "sk-" + TAIL[:48]),
    "openai project": ("{}", "sk-proj-" + TAIL),
    "anthropic": ("ANTHROPIC: {}", "sk-ant-api03-" + TAIL + "-AA"),
    "google api": ("?x={}", "AIza" + TAIL[:35]),
    "google oauth": ("{}", "ya29." + TAIL),
    "npm": ("//registry.npmjs.org/:_authToken={}", "npm_" + TAIL[:36]),
    "npmrc": ("//npm.example.org/:_authToken={}", "3f2a9b1c-7d6e-4f50-8a9b-0c1d2e3f4a5b"),
    "pypi": ("{}", "pypi-AgEIcHlwaS5vcmc" + TAIL),
    "sendgrid": ("{}", "SG." + TAIL[:22] + "." + TAIL[:43]),
    "twilio": ("twilio: {}", "SK" + HEX),
    "hugging face": ("{}", "hf_" + TAIL[:34]),
    "digitalocean": ("{}", "dop_v1_" + HEX + HEX),
    "shopify": ("{}", "shpat_" + HEX),
    "telegram": ("bot {}", "123456789:AA" + TAIL[:33]),
    "discord": ("{}", "M" + TAIL[:23] + "." + TAIL[:6] + "." + TAIL[:27]),
    "discord hook": ("https://discord.com/api/webhooks/1234/{}", TAIL),
    "databricks": ("{}", "dapi" + HEX),
    "linear": ("{}", "lin_api_" + TAIL[:40]),
    "mindspring": ("{}", "ms_" + TAIL[:32]),
    "mindspring by name": ("X-API-Key: {}", "ms_4f9a8b"),
    "vault": ("{}", "hvs." + TAIL),
    "docker": ("{}", "dckr_pat_" + TAIL[:27]),
    "jwt": ("{}", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0." + TAIL),
    "bearer": ("curl -H 'Authorization: Bearer {}' x", TAIL[:20]),
    "bearer alone": ("sent with Bearer {}", TAIL[:32]),
    "basic": ('-H "Authorization: Basic {}"', "dXNlcjpwYXNzd29yZA=="),
    "url": ("https://bob:{}@example.org/path", "S3cr3t!pw"),
    "database url": ("DATABASE_URL=postgres://app:{}@db:5432/app", "pa:ss#w@rd"),
    "redis": ("redis://:{}@cache:6379/0", "kindergarten"),
    "mysql dsn": ("app:{}@tcp(127.0.0.1:3306)/app", "kindergarten"),
    "odbc": ("Server=db;User Id=sa;Password={};Encrypt=yes", "Str0ngP4ss"),
    "libpq": ("host=db user=app password={} dbname=app", "hunter2"),
    "env": ("export DB_PASSWORD={}", "correcthorsebattery"),
    "env of postgres": ("PGPASSWORD={} psql", "kindergarten"),
    "env default": ("${{DB_PASSWORD:-{}}}", "kindergarten"),
    "yaml": ("db:\n  password: {}\n", "hunter2hunter2"),
    "yaml quoted": ("client_secret: '{}'", "kinder garten"),
    "kubernetes": ("- name: DB_PASSWORD\n  value: {}\n", "hunter2hunter2"),
    "python": ("api_key = '{}'", "0123-abcd-4567"),
    "python typed": ('password: str = "{}"', "kindergarten"),
    "python environ": ('os.environ["API_KEY"] = "{}"', "kindergarten"),
    "javascript": ("const apiKey = `{}`;", "kindergarten"),
    "flag": ("mysql --password {} -u root", "kindergarten"),
    "flag with equals": ("login --api-token={}", "kindergarten"),
    "curl user": ("curl -s -u admin:{} https://example.org", "kindergarten"),
    "netrc": ("machine example.org login bob password {}", "kindergarten"),
    "xml": ("<password>{}</password>", "kindergarten"),
    "cookie": ("Cookie: sid={}; theme=dark", "s%3AabcdefGHIJ"),
    "set-cookie": ("Set-Cookie: session={}; Path=/; HttpOnly", "abcdefGHIJ"),
    "json in text": ('{{"password": "{}"}}', "hunter2hunter2"),
    "json in json": ('{{\\"password\\": \\"{}\\"}}', "hunter2hunter2"),
    "json twice in json": ('{{\\\\\\"secret\\\\\\": \\\\\\"{}\\\\\\"}}', "hunter2hunter2"),
    "quote in a value": ('{{"password": "hunter\\"{}"}}', "2hunter2"),
    "pem": (
        "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n",
        PEM_BODY,
    ),
    "pem escaped": ("-----BEGIN PRIVATE KEY-----\\n{}\\n-----END PRIVATE KEY-----\\n", PEM_BODY),
    "pem torn": ("cat key\n-----BEGIN OPENSSH PRIVATE KEY-----\n{}", PEM_BODY),
    "pgp": (
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{}\n-----END PGP PRIVATE KEY BLOCK-----",
        PEM_BODY,
    ),
}

LOOK_ALIKES = [
    "commit 3f2a9b1c7d6e4f508a9b0c1d2e3f4a5b6c7d8e9f",
    "session 0484260b-4fd9-450a-a78c-8b1fce7519d9",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "token: 0484260b-4fd9-450a-a78c-8b1fce7519d9",
    'cache_key = "3f2a9b1c7d6e4f508a9b0c1d2e3f4a5b6c7d8e9f"',
    "released 2026-11-21T07:05:12.123456Z",
    "password_changed: 2026-11-21",
    "aGVsbG8gd29ybGQgdGhpcyBpcyBhIHRlc3Q=",
    "/home/dev/.claude/projects/-home-dev-code/0484260b-4fd9-450a-a78c-8b1fce7519d9.jsonl",
    "PASSWORD_FILE=/run/secrets/db_password",
    "SSH_PRIVATE_KEY=~/.ssh/id_ed25519",
    "secret: ./config/secrets.yaml",
    "token_count=5",
    "max_tokens: 4096",
    "input_tokens: 123456, output_tokens=98765",
    '{\\"max_tokens\\": 40960000}',
    "password: ***",
    "password: ********",
    "API_KEY=$API_KEY",
    "API_KEY=${API_KEY}",
    "DB_PASSWORD=$(cat /run/secrets/db)",
    "token: ${{ secrets.GITHUB_TOKEN }}",
    "api_key: {{ api_key }}",
    "API_KEY=<your-token>",
    'api_key = "your-api-key-here"',
    "export TOKEN=changeme",
    "password: string;",
    "password: Optional[str] = None",
    "token = self.tokenizer.next_token(stream)",
    'api_key = os.environ["OPENAI_API_KEY"]',
    "const secret = process.env.CLIENT_SECRET;",
    "def login(user: str, password: str) -> Token:",
    "secret_name: database-credentials-v2",
    "tokenizer=bert-base-uncased-v2",
    "https://example.org:8080/a@2x.png",
    "http://localhost:3000?mail=bob@example.org",
    "git@github.com:owner/repository.git",
    "https://user:password@example.org/",
    "postgres://$USER:$PASS@db/app",
    "npm install @types/node@20.1.0",
    "the bearer of this letter, authentication required",
    'print("Password:", file=sys.stderr)',
    "secretary: alexandra1990",
    "task-abcdefghijklmnopqrstuvwx and sk-fading-circle-animation",
    "sort_key=operator.itemgetter(1)",
    "toolu_01Abc733c97c4751Xyz98765",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN bob@host",
    "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE",
    "state_credentials=state_credentials, attr_key == 'pipeline_definition_s3'",
    "REFRESH_TOKEN = 'REFRESH_TOKEN'; fetch(url, {credentials: 'same-origin'})",
    "[set up the credentials]: https://example.org/#setting-up-credentials",
    "socks5h://<username>:<password>@proxy-host",
    "if (token->kind == TOKEN_STRING_LITERAL1) password++;",
]


class Unfiltered(Redactor):
    """A redactor whose rules always run: what the filter is measured by."""

    def may_hold_secret(self, data: bytes) -> bool:
        return True


def dumps(value: object, ensure_ascii: bool = False) -> bytes:
    return json.dumps(value, ensure_ascii=ensure_ascii).encode("utf-8", "backslashreplace")


def in_positions(text: str) -> dict[str, bytes]:
    """The text where agents put it: prompts, tool input and output, files, JSON in JSON."""
    nested = {"tool_response": {"stdout": f"line one\n{text}\nline three", "code": 0}}
    return {
        "prompt": dumps({"hook_event_name": "UserPromptSubmit", "prompt": text}),
        "output": dumps({"tool_response": [{"type": "text", "text": f"$ env\n{text}\n"}]}),
        "patch": dumps({"structuredPatch": [{"lines": [" a", "+" + text, " b"]}]}),
        "lines": dumps({"lines": [" a", *(f"+{line}" for line in text.split("\n")), " b"]}),
        "json in json": dumps({"content": json.dumps(nested)}),
        "json twice in json": dumps({"content": json.dumps({"body": json.dumps(nested)})}),
        "ascii": dumps({"content": f"é {text}"}, ensure_ascii=True),
        "key": dumps({text: 1}),
    }


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_secret_vanishes_in_any_place(name: str) -> None:
    template, secret = PLANTED[name]
    text = template.format(secret)
    assert secret in text
    for position, data in in_positions(text).items():
        redacted = REDACTOR.json(data)
        assert secret.encode() not in redacted, position
        assert secret not in json.dumps(json.loads(redacted)), position
        assert b"[redacted:" in redacted, position
        assert REDACTOR.json(redacted) == redacted, position
        assert Unfiltered(KEY).json(redacted) == redacted, position
    assert secret not in REDACTOR.text(text)
    assert secret not in REDACTOR.text(in_positions(text)["output"].decode()[:-9])


def test_text_that_only_looks_like_a_secret_is_kept() -> None:
    unfiltered = Unfiltered(KEY)
    for text in LOOK_ALIKES:
        for position, data in in_positions(text).items():
            assert unfiltered.json(data) is data, (position, text)
        assert unfiltered.text(text) is text


def test_recorded_payloads_stay_as_they_are_and_pass_the_filter() -> None:
    lines = [line for path in RECORDINGS.glob("*.jsonl") for line in path.read_text().splitlines()]
    payloads = [json.loads(line)["stdin"].encode() for line in lines]
    assert len(payloads) > 100
    assert all(Unfiltered(KEY).json(payload) is payload for payload in payloads)
    assert sum(map(REDACTOR.may_hold_secret, payloads)) <= len(payloads) // 50


@pytest.mark.parametrize(
    ("payload", "redacted"),
    [
        (b'{"password" : "hunter2hunter2"}', b'{"password" : "*"}'),
        (b'{"apiKey":"kindergarten"}', b'{"apiKey":"*"}'),
        (b'{"X-Api-Key":["kindergarten","harmless"]}', b'{"X-Api-Key":["*","*"]}'),
        (b'{"secrets":[["kindergarten"],["garden1"]]}', b'{"secrets":[["*"],["*"]]}'),
        (b'{"authorization":"Basic dXNlcjpwYXNz"}', b'{"authorization":"Basic *"}'),
        (b'{"api_key":{"note":"kindergarten"}}', b'{"api_key":{"note":"kindergarten"}}'),
        (b'{"Cookie":"sid=kindergarten; a=b"}', b'{"Cookie":"*"}'),
        (b'{"cookie":"chocolate chip"}', b'{"cookie":"chocolate chip"}'),
        (b'{"token":4096,"token_type":"something1"}', b'{"token":4096,"token_type":"something1"}'),
        (b'{"password":"${DB_PASSWORD}"}', b'{"password":"${DB_PASSWORD}"}'),
        (b'{"password":"short"}', b'{"password":"short"}'),
        (b'{"p\\u0061ssword":"kindergarten"}', b'{"p\\u0061ssword":"*"}'),
        (b'["login","--password","kindergarten"]', b'["login","--password","*"]'),
        (b'{"name":"DB_PASSWORD","value":"kindergarten"}', b'{"name":"DB_PASSWORD","value":"*"}'),
        (b'{"a":NaN,"a":1e999 ,"pwd":"kindergarten"}', b'{"a":NaN,"a":1e999 ,"pwd":"*"}'),
    ],
)
def test_only_the_value_of_a_secret_key_is_replaced(payload: bytes, redacted: bytes) -> None:
    assert blind(REDACTOR.json(payload)) == redacted


def blind(data: bytes) -> bytes:
    return rules.MARKER.sub("*", data.decode()).encode()


@pytest.mark.parametrize(
    ("name", "value", "redacted"),
    [
        ("+- name: DB_PASSWORD", "+  value: hunter2hunter2", "+  value: *"),
        ('-  "name": "API_KEY",', '-\t"value": "kinder garten"', '-\t"value": "*"'),
        (" 'name': 'API_KEY'", " 'value': 'ghp_" + TAIL[:36] + "'", " 'value': '*'"),
        ("+- name: DB_HOST", "+  value: hunter2hunter2", None),
        ("+- name: DB_PASSWORD", "+  value: ${DB_PASSWORD}", None),
        ("+- name: DB_PASSWORD", "+  values: hunter2hunter2", None),
        ("+- name: DB_PASSWORD", "+", None),
    ],
)
def test_the_value_of_a_secret_name_on_the_line_above_goes(
    name: str, value: str, redacted: str | None
) -> None:
    for lines in ([name, value], [" a", name, value, " b"]):
        data = dumps({"lines": lines, "n": 1})
        found = json.loads(REDACTOR.json(data))["lines"]
        assert [blind(line.encode()).decode() for line in found] == [
            redacted if line == value and redacted else line for line in lines
        ]
        assert REDACTOR.json(REDACTOR.json(data)) == REDACTOR.json(data)


def test_a_private_key_in_the_lines_of_a_patch_goes_to_its_last_line() -> None:
    edge = "PRIVATE KEY-----"
    lines = ["+a", f"+-----BEGIN {edge}", f"+{PEM_BODY}", "+c2hvcnQ=", f"+-----END {edge}", " b"]
    redacted = REDACTOR.json(dumps({"lines": lines, "file": "key.pem"}))
    assert json.loads(blind(redacted)) == {
        "lines": ["+a", "+*", "*", "*", "*", " b"],
        "file": "key.pem",
    }
    assert REDACTOR.json(redacted) == redacted


@pytest.mark.parametrize(
    "payload",
    [
        b'{"text":"\\u0067hp_' + TAIL[:36].encode() + b'"}',
        b'{"text":"https:\\/\\/bob:kindergarten@example.org"}',
        b'{"text":"\\u001bghp_' + TAIL[:36].encode() + b'\\ud83d\\ude00\\ud800"}',
    ],
)
def test_escapes_hide_nothing(payload: bytes) -> None:
    redacted = REDACTOR.json(payload)
    assert b"[redacted:" in redacted
    assert TAIL[:36] not in redacted.decode()
    assert b"kindergarten" not in redacted


def test_lone_surrogates_and_pairs_survive_around_a_secret() -> None:
    payload = b'{"t":"\\ud800 \\ud83d\\ude00 PASSWORD=kindergarten \\udfff\\u0000"}'
    text = json.loads(REDACTOR.json(payload))["t"]
    assert rules.MARKER.sub("*", text) == "\ud800 \U0001f600 PASSWORD=* \udfff\0"


def test_equal_secrets_get_equal_markers_and_another_key_other_ones() -> None:
    first = REDACTOR.json(b'{"password":"kindergarten"}')
    second = REDACTOR.json(b'{"n":1,"p":"PASSWORD=kindergarten"}')
    other = Redactor(b"x" * 32).json(b'{"password":"kindergarten"}')
    marker = rules.MARKER.search(first.decode())
    assert marker is not None
    assert marker[0] in second.decode()
    assert marker[0] not in other.decode()


def test_torn_json_is_redacted_to_its_end() -> None:
    assert blind(REDACTOR.json(b'{"a":1,"password":"kindergar')) == b'{"a":1,"password":"*'
    assert b"kinder" not in REDACTOR.json(b'{"a":"PASSWORD=kindergarten\\')
    assert b"kinder" not in REDACTOR.json(b'{"a":"\\q PASSWORD=kindergarten"}')
    assert "kinder" not in REDACTOR.text('{"a":"{\\"password\\":\\"kindergar')


def test_patterns_of_the_user_and_their_group_are_redacted() -> None:
    redactor = Redactor(KEY, patterns=[r"ACME-\d{4}", r"door code (?P<secret>\d+)", r"y*"])
    assert redactor.may_hold_secret(b"{}")
    redacted = redactor.json(b'{"t":"ACME-1234 and door code 77, ACME-x"}')
    assert blind(redacted) == b'{"t":"* and door code *, ACME-x"}'
    assert redactor.json(redacted) == redacted


def test_a_pattern_that_matches_anything_leaves_one_marker_and_is_stable() -> None:
    redactor = Redactor(KEY, patterns=[r".+"])
    redacted = redactor.json(b'{"k":"some text"}')
    assert blind(redacted) == b'{"*":"*"}'
    assert redactor.json(redacted) == redacted


def test_text_that_an_allow_pattern_matches_whole_is_kept() -> None:
    redactor = Redactor(KEY, allow=[r"kinder\w+", r"ghp_A+"])
    assert redactor.json(b'{"password":"kindergarten"}') == b'{"password":"kindergarten"}'
    assert redactor.text("PASSWORD=kindergarten") == "PASSWORD=kindergarten"
    assert redactor.text("ghp_" + "A" * 36) == "ghp_" + "A" * 36
    assert "kinder" not in redactor.text("PASSWORD=kindergarten-2")


@pytest.mark.parametrize("setting", ["patterns", "allow"])
def test_a_bad_expression_is_an_error_that_names_it_and_its_setting(setting: str) -> None:
    expressions = ["fine", "(unclosed"]
    patterns, allow = (expressions, ()) if setting == "patterns" else ((), expressions)
    with pytest.raises(UsageError, match=rf"redact\.{setting}.*\(unclosed"):
        Redactor(KEY, patterns, allow)


def test_hits_are_counted_by_rule() -> None:
    old = b"[redacted:named:01234567]"
    before = dumps({"a": ["ghp_" + TAIL[:36]] * 2, "b": "ghp_" + TAIL[1:37], "password": "kinder1"})
    after = REDACTOR.json(before[:-1] + b',"c":"%s"}' % old)
    assert hits(before + old, after) == {"github": 3, "named": 1}
    assert hits(after, after) == {}


def test_the_names_of_rules_reveal_nothing_and_change_with_them() -> None:
    names = [
        Redactor(KEY).rules,
        Redactor(KEY, ["a"]).rules,
        Redactor(KEY, [], ["a"]).rules,
        Redactor(b"k" * 32, ["a"]).rules,
        Redactor(KEY, ["a", "b"]).rules,
        Redactor(KEY, ["a"], enabled=False).rules,
    ]
    assert len(set(names)) == len(names)
    assert names[0] == Redactor(b"k" * 32).rules == f"{RULES_VERSION}"
    assert names[-1] == Redactor(KEY, enabled=False).rules == "off"
    assert Redactor(KEY, ("a",)).rules == names[1]


def test_disabled_it_changes_nothing() -> None:
    redactor = Redactor(KEY, patterns=["a"], enabled=False)
    data, text = b'{"password":"kindergarten"}', "PASSWORD=kindergarten"
    assert not redactor.may_hold_secret(data)
    assert redactor.json(data) is data
    assert redactor.text(text) is text
