"""What only looks like a secret stays byte for byte; generated so that no value is a lucky one."""

# ruff: noqa: E501, SIM905  a list of words
import json
import random
import string

from journal.redaction.redactor import Redactor

REDACTOR = Redactor(bytes(range(32)))
CHANCE = random.Random()
HEX = "0123456789abcdef"


def chars(letters: str, number: int) -> str:
    return "".join(CHANCE.choice(letters) for _ in range(number))


KEYS = (
    "primary foreign partition sort range cache row group index unique composite shortcut hot i18n"
    " translation locale query routing idempotency dict map object lookup public publishable sql item"
    " list state config header form event feature flag shard hash enum column field join"
).split()
COUNTS = (
    "max_tokens prompt_tokens total_tokens completion_tokens input_tokens output_tokens MAX_TOKENS"
    " OPENAI_MAX_TOKENS token_budget token_count min_tokens context_tokens cached_tokens"
    " reasoning_tokens tokens_per_second token_limit"
).split()
SETTINGS = (
    "PASSWORD_RESET_TIMEOUT PASSWORD_MIN_LENGTH API_KEY_HEADER TOKEN_EXPIRY_SECONDS AUTH_URL"
    " SECRET_NAME TOKEN_TYPE COOKIE_NAME SESSION_COOKIE_AGE AUTH_PROVIDER PASSWORD_HINT KEY_PREFIX"
).split()
LABELS = (
    "Contrase\u00f1a", "Confirmar2 contrase\u00f1a", "Passwort1 eingeben", "Mot de passe 2 oubli\u00e9",
    "\u5bc6\u7801 2 \u786e\u8ba4", "Enter your password 2", "Confirm password 1", "Forgot password 2?",
    "Nova senha 2", "\u041f\u0430\u0440\u043e\u043b\u044c 2", "Wachtwoord 2 wijzigen", "Show password 1",
)  # fmt: skip
LOOK_ALIKES = [
    *(f"{key}_key=created_at_desc_v2" for key in KEYS),
    *(f"{key}Key: 'tenant_region_2026'" for key in KEYS if key[0] != "i"),
    *(f"{name}={chars(string.digits[1:], 6)}" for name in COUNTS),
    *(f'"{name}": {chars(string.digits[1:], 5)}' for name in COUNTS),
    *(f"{name}=259200" for name in SETTINGS),
    *(json.dumps({"password": label}, ensure_ascii=False) for label in LABELS),
    f"commit {chars(HEX, 40)}",
    f"token: 0x{chars(HEX, 40)}",
    f"cache_key = '{chars(HEX, 64)}'",
    "Set-Cookie: theme=dark-blue; Path=/; Max-Age=31536000",
    "cookie: consent=accepted; lang=de-DE",
    "ANTHROPIC_API_KEY=sk-ant-... and GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxx",
    "github_pat_xxxxxxxxxxxxxxxxxxxxxx_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    f"STRIPE_PUBLISHABLE_KEY=pk_test_{chars(string.ascii_letters, 24)}",
    "existingSecret: postgres-auth-v2",
    'authorization: "Role::Admin2"',
    "the password is required for 2 users",
    "if not token:\n    return None2",
    "mkdir -p build/output2 && mysql --version",
    "docker run -p 8080:8080 app2",
    "main.c:123:45: error: password2 undeclared",
]


def test_a_look_alike_stays() -> None:
    for text in LOOK_ALIKES:
        assert REDACTOR.text(text) == text
        data = json.dumps({"out": f"$ cat\n{text}\n", "lines": [text]}).encode()
        assert REDACTOR.json(data) is data, text


def test_there_are_enough_of_them() -> None:
    assert len(LOOK_ALIKES) >= 100
