"""The token formats of vendors: a table to read, and from it the patterns, the filter, the samples.

A row is (rule, what it is, template). A rule is the name that a marker shows. In a template
`{an 36}` means 36 characters of the class `an`, `{an 20..36}` that the vendor's tokens have 36 and
that 20 are enough; the rest is literal. Sources: the vendors' documentation of their keys, and the
public lists of secret scanners (GitHub secret scanning, gitleaks, trufflehog), as of 2026.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

CLASSES = {
    "an": "A-Za-z0-9",
    "us": r"\w-",
    "dot": r"\w.-",
    "az": r"\w.~-",
    "hex": "a-fA-F0-9",
    "low": "a-z0-9",
    "up": "A-Z0-9",
    "dig": "0-9",
    "let": "A-Za-z",
    "mn": "MNO",
    "b64": "A-Za-z0-9+/",
    "b64e": "A-Za-z0-9+/=",
    "use": r"\w=-",
    "any": r"\w+/=-",
}

_TABLE = (
    # Models and agents
    ("anthropic", "API, admin and OAuth keys", "sk-ant-{us 16..95}"),
    ("openai", "project key", "sk-proj-{us 16..156}"),
    ("openai", "service account key", "sk-svcacct-{us 16..156}"),
    ("openai", "admin key", "sk-admin-{us 16..156}"),
    ("openai", "user key", "sk-{an 20..48}"),
    ("openrouter", "API key", "sk-or-v1-{us 16..64}"),
    ("langfuse", "secret key", "sk-lf-{us 16..36}"),
    ("kimi", "API key of Kimi Code", "sk-kimi-{us 16..64}"),
    ("google", "API key", "AIza{us 30..35}"),
    ("google", "API key bound to a service account", "AQ.Ab{us 20..48}"),
    ("google", "OAuth access token", "ya29.{us 20..120}"),
    ("google", "OAuth client secret", "GOCSPX-{us 20..28}"),
    ("xai", "API key", "xai-{an 40..80}"),
    ("perplexity", "API key", "pplx-{an 32..48}"),
    ("huggingface", "user token", "hf_{an 24..34}"),
    ("huggingface", "organization token", "api_org_{an 24..34}"),
    ("groq", "API key", "gsk_{an 32..52}"),
    ("replicate", "API token", "r8_{an 30..37}"),
    ("nvidia", "API key", "nvapi-{us 40..64}"),
    ("cerebras", "API key", "csk-{low 32..48}"),
    ("fireworks", "API key", "fw_{an 20..24}"),
    ("together", "API key", "tgp_v1_{us 32..43}"),
    ("pinecone", "API key", "pcsk_{an 4..6}_{an 40..63}"),
    ("langsmith", "personal token", "lsv2_pt_{hex 32}_{hex 10}"),
    ("langsmith", "service key", "lsv2_sk_{hex 32}_{hex 10}"),
    ("cursor", "API key", "key_{hex 64}"),
    ("devin", "service key", "apk_{b64 40..90}"),
    ("devin", "user key", "apk_user_{b64 40..90}"),
    ("tavily", "API key", "tvly-{us 24..32}"),
    ("firecrawl", "API key", "fc-{hex 32}"),
    ("elevenlabs", "API key", "sk_{hex 48}"),
    ("mindspring", "API key", "ms_{an 24..32}"),
    ("jina", "API key", "jina_{us 40..60}"),
    ("voyage", "API key", "pa-{us 40..43}"),
    ("apify", "API token", "apify_api_{an 30..36}"),
    ("brave", "search API key", "BSA{us 26..28}"),
    ("langchain", "API key", "ls__{hex 32}"),
    ("wandb", "API key", "wandb_v1_{us 40..77}"),
    # Clouds
    ("aws", "access key id", "AKIA{up 16}"),
    ("aws", "session key id", "ASIA{up 16}"),
    ("aws", "Bedrock key", "bedrock-api-key-{b64e 40..132}"),
    ("aws", "Bedrock long-lived key", "ABSK{b64e 100..132}"),
    ("azure", "client secret", "{az 3}{dig 1}Q~{az 31..34}"),
    ("azure", "storage, Cosmos or Batch key", "{b64 66..76}+AStA{b64 6}=="),
    ("azure", "DevOps token", "{an 76}AZDO{an 4}"),
    ("azure", "key of Functions", "{us 44}AzFu{us 6..8}="),
    ("azure", "key of a search service", "{an 42}AzSe{an 6}"),
    ("azure", "key of a container registry", "{b64 42}+ACR{an 6}"),
    ("alibaba", "access key id", "LTAI{an 16..20}"),
    ("tencent", "secret id", "AKID{an 32}"),
    ("scaleway", "access key", "SCW{up 17}"),
    ("digitalocean", "personal token", "dop_v1_{hex 32..64}"),
    ("digitalocean", "OAuth token", "doo_v1_{hex 32..64}"),
    ("digitalocean", "refresh token", "dor_v1_{hex 32..64}"),
    ("cloudflare", "user token", "cfut_{an 30..48}"),
    ("cloudflare", "global key", "cfk_{an 30..48}"),
    ("cloudflare", "account token", "cfat_{an 30..48}"),
    ("cloudflare", "origin CA key", "v1.0-{hex 24}-{hex 120..146}"),
    ("vercel", "personal token", "vcp_{us 20..56}"),
    ("vercel", "AI gateway key", "vck_{us 20..56}"),
    ("vercel", "integration token", "vci_{us 20..56}"),
    ("vercel", "app token", "vca_{us 20..56}"),
    ("vercel", "refresh token", "vcr_{us 20..56}"),
    ("vercel", "Blob token", "vercel_blob_rw_{us 30..48}"),
    ("fly", "machine token", "fm1_{any 60..140}"),
    ("fly", "access token", "fm2_{any 60..140}"),
    ("fly", "old token", "fo1_{us 40..43}"),
    ("heroku", "API key", "HRKU-AA{us 50..58}"),
    ("heroku", "API key", "HRKU-{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}"),
    ("render", "API key", "rnd_{an 28..32}"),
    ("deno", "deploy token", "ddp_{an 30..36}"),
    ("deno", "organization token", "ddo_{an 30..36}"),
    ("netlify", "personal token", "nfp_{an 30..36}"),
    ("netlify", "CLI token", "nfc_{an 30..36}"),
    ("netlify", "OAuth token", "nfo_{an 30..36}"),
    ("supabase", "secret key", "sb_secret_{us 24..36}"),
    ("supabase", "personal token", "sbp_{hex 40}"),
    ("neon", "API key", "napi_{low 48..64}"),
    ("planetscale", "password", "pscale_pw_{us 30..43}"),
    ("planetscale", "token", "pscale_tkn_{us 30..43}"),
    ("planetscale", "OAuth token", "pscale_oauth_{us 30..43}"),
    ("mongodb", "service account secret", "mdb_sa_sk_{us 30..40}"),
    ("cockroach", "API key", "CCDB1_{an 22}_{an 40}"),
    ("elastic", "cloud key", "essu_{an 40..80}"),
    ("databricks", "token", "dapi{hex 32}"),
    ("confluent", "cloud API secret", "cflt{b64 50..60}"),
    ("aiven", "token", "aivenv1{us 60..400}"),
    ("terraform", "cloud token", "{an 14}.atlasv1.{use 50..67}"),
    ("pulumi", "access token", "pul-{hex 40}"),
    ("openshift", "OAuth token", "sha256~{us 40..43}"),
    ("digitalocean", "Spaces key", "DO00{up 16}"),
    ("backblaze", "application key", "K00{dig 1}{b64 27}"),
    ("yandex", "API key", "AQVN{us 35..38}"),
    ("yandex", "IAM token", "t1.{us 10..40}.{us 80..86}"),
    ("yandex", "OAuth token", "y0_{us 50..58}"),
    # Secrets and identity
    ("vault", "service token", "hvs.{us 20..95}"),
    ("vault", "batch token", "hvb.{us 60..138}"),
    ("vault", "recovery token", "hvr.{us 20..95}"),
    ("doppler", "personal token", "dp.pt.{an 40..43}"),
    ("doppler", "service token", "dp.st.{an 40..43}"),
    ("doppler", "service token of a config", "dp.st.{us 2..35}.{an 40..43}"),
    ("doppler", "CLI token", "dp.ct.{an 40..43}"),
    ("doppler", "service account token", "dp.sa.{an 40..43}"),
    ("doppler", "SCIM token", "dp.scim.{an 40..43}"),
    ("doppler", "audit token", "dp.audit.{an 40..43}"),
    ("onepassword", "secret key", "A3-{up 6}-{up 6}-{up 5}-{up 5}-{up 5}-{up 5}"),
    ("onepassword", "service account token", "ops_eyJ{b64e 100..250}"),
    ("infisical", "service token", "st.{hex 24}.{hex 32}.{hex 32}"),
    ("bitwarden", "machine token", "0.{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}.{an 30}:{b64 22}=="),
    ("tailscale", "auth key", "tskey-auth-{us 20..48}"),
    ("tailscale", "API key", "tskey-api-{us 20..48}"),
    ("tailscale", "OAuth client secret", "tskey-client-{us 20..48}"),
    ("tailscale", "webhook secret", "tskey-webhook-{us 20..48}"),
    ("tailscale", "SCIM key", "tskey-scim-{us 20..48}"),
    ("age", "secret key", "AGE-SECRET-KEY-1{up 40..58}"),
    ("age", "post-quantum secret key", "AGE-SECRET-KEY-PQ-1{up 40..58}"),
    ("authress", "service key", "sc_{an 5..10}.{an 4..6}.acc_{an 10..20}.{us 40..80}"),
    # Code and packages
    ("github", "personal token", "ghp_{an 20..36}"),
    ("github", "OAuth token", "gho_{an 20..36}"),
    ("github", "user token of an app", "ghu_{an 20..36}"),
    ("github", "installation token of an app", "ghs_{an 20..36}"),
    ("github", "refresh token of an app", "ghr_{an 20..76}"),
    ("github", "fine-grained token", "github_pat_{us 20..82}"),
    ("gitlab", "routable token", "glpat-{us 16..40}.{low 2}.{low 9}"),
    ("gitlab", "personal token", "glpat-{us 16..20}"),
    ("gitlab", "pipeline trigger", "glptt-{us 16..40}"),
    ("gitlab", "runner token", "glrt-{us 16..20}"),
    ("gitlab", "runner registration token", "glrtr-{us 16..20}"),
    ("gitlab", "deploy token", "gldt-{us 16..20}"),
    ("gitlab", "CI job token", "glcbt-{us 16..25}"),
    ("gitlab", "feed token", "glft-{us 16..20}"),
    ("gitlab", "SCIM token", "glsoat-{us 16..20}"),
    ("gitlab", "agent token", "glagent-{us 16..50}"),
    ("gitlab", "OAuth secret", "gloas-{us 16..64}"),
    ("gitlab", "mail token", "glimt-{us 16..25}"),
    ("gitlab", "feature flag token", "glffct-{us 16..20}"),
    ("gitlab", "workspace token", "glwt-{us 16..20}"),
    ("gitlab", "session cookie", "_gitlab_session={hex 32}"),
    ("gitlab", "old runner token", "GR1348941{us 20}"),
    ("atlassian", "API token", "ATATT3xFfGF0{use 100..186}"),
    ("atlassian", "scoped token", "ATCTT3xFfGN0{use 100..186}"),
    ("atlassian", "app password of Bitbucket", "ATBB{us 28..32}"),
    ("atlassian", "Opsgenie and OAuth token", "ATOA{use 100..186}"),
    ("sourcegraph", "access token", "sgp_{an 8..16}_{hex 40}"),
    ("sourcegraph", "old access token", "sgp_{hex 40}"),
    ("npm", "access token", "npm_{an 30..36}"),
    ("pypi", "upload token", "pypi-AgE{us 20..160}"),
    ("rubygems", "API key", "rubygems_{hex 48}"),
    ("crates", "API token", "cio{an 32}"),
    ("clojars", "deploy token", "CLOJARS_{hex 60}"),
    ("nuget", "API key", "oy2{low 43}"),
    ("jfrog", "reference token", "cmVmd{an 50..59}"),
    ("jfrog", "API key", "AKCp{an 60..69}"),
    ("docker", "personal token", "dckr_pat_{us 20..27}"),
    ("docker", "organization token", "dckr_oat_{us 20..32}"),
    ("docker", "swarm join token", "SWMTKN-1-{low 40..50}-{low 20..25}"),
    ("circleci", "personal token", "CCIPAT_{an 22}_{hex 40}"),
    ("circleci", "project token", "CCIPRJ_{an 22}_{hex 40}"),
    ("buildkite", "user token", "bkua_{hex 40}"),
    ("octopus", "API key", "API-{up 25..26}"),
    ("sonar", "user token", "squ_{hex 40}"),
    ("sonar", "project token", "sqp_{hex 40}"),
    ("sonar", "analysis token", "sqa_{hex 40}"),
    ("snyk", "personal token", "snyk_uat.{hex 8}.{us 60..80}"),
    ("snyk", "service token", "snyk_sat.{hex 8}.{us 60..80}"),
    ("openvsx", "access token", "ovsxat_{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}"),
    # Watching
    ("sentry", "user token", "sntryu_{hex 64}"),
    ("sentry", "organization token", "sntrys_{any 60..170}"),
    ("sentry", "app token", "sntrya_{hex 64}"),
    ("grafana", "cloud token", "glc_{b64e 32..100}"),
    ("grafana", "service account token", "glsa_{an 32}_{hex 8}"),
    ("newrelic", "user key", "NRAK-{up 27}"),
    ("newrelic", "browser key", "NRJS-{hex 19}"),
    ("newrelic", "insert key", "NRII-{us 32}"),
    ("newrelic", "account key", "NRAA-{hex 27}"),
    ("newrelic", "query key", "NRIQ-{us 32}"),
    ("honeycomb", "ingest key", "hcaik_{low 50..60}"),
    ("honeycomb", "configuration key", "hcxik_{low 50..60}"),
    ("honeycomb", "management key", "hcxmk_{low 50..60}"),
    ("dynatrace", "API token", "dt0c01.{up 24}.{up 64}"),
    ("dynatrace", "platform token", "dt0s16.{up 8}.{up 64}"),
    ("dynatrace", "OAuth secret", "dt0s02.{up 8}.{up 64}"),
    ("posthog", "personal key", "phx_{us 32..47}"),
    ("posthog", "feature flag key", "phs_{us 32..47}"),
    ("launchdarkly", "API key", "api-{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}"),
    ("launchdarkly", "SDK key", "sdk-{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}"),
    ("logfire", "write token", "pylf_v1_{low 2}_{an 32..43}"),
    ("axiom", "API token", "xaat-{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}"),
    ("axiom", "personal token", "xapt-{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}"),
    ("checkly", "user key", "cu_{hex 32}"),
    # Work and messages
    ("slack", "token", "xox{let 1}-{us 10..56}"),
    ("slack", "rotating token", "xoxe.xoxb-1-{us 40..166}"),
    ("slack", "app token", "xapp-{dig 1}-{us 10..90}"),
    ("slack", "cookie of a session", "xoxd-{b64e 20..100}"),
    ("discord", "bot token", "{mn 1}{us 22..25}.{us 6}.{us 27..38}"),
    ("telegram", "bot token", "{dig 8..10}:AA{us 30..33}"),
    ("notion", "token", "ntn_{an 40..46}"),
    ("notion", "old token", "secret_{an 43}"),
    ("linear", "API key", "lin_api_{an 20..40}"),
    ("linear", "OAuth token", "lin_oauth_{an 20..64}"),
    ("linear", "webhook secret", "lin_wh_{an 20..40}"),
    ("figma", "personal token", "figd_{us 30..40}"),
    ("figma", "OAuth token", "figu_{us 30..40}"),
    ("asana", "personal token", "{dig 1}/{dig 12..16}/{dig 12..16}:{hex 32}"),
    ("airtable", "personal token", "pat{an 14}.{hex 64}"),
    ("clickup", "personal token", "pk_{dig 6..9}_{up 32}"),
    ("postman", "API key", "PMAK-{hex 24}-{hex 34}"),
    ("postman", "collection key", "PMAT-{up 26}"),
    ("contentful", "personal token", "CFPAT-{us 40..43}"),
    ("typeform", "token", "tfp_{dot 40..59}"),
    ("dropbox", "access token", "sl.{us 130..152}"),
    ("frameio", "token", "fio-u-{use 64}"),
    ("mapbox", "secret token", "sk.eyJ{us 60..90}.{us 22}"),
    ("hubspot", "private app token", "pat-{low 2..4}-{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}"),
    ("salesforce", "session id", "00D{an 12..15}!{dot 80..96}"),
    # Money and mail
    ("stripe", "live key", "sk_live_{an 14..99}"),
    ("stripe", "test key", "sk_test_{an 14..99}"),
    ("stripe", "restricted live key", "rk_live_{an 14..99}"),
    ("stripe", "restricted test key", "rk_test_{an 14..99}"),
    ("stripe", "organization key", "sk_org_{an 20..99}"),
    ("stripe", "webhook secret", "whsec_{any 16..44}"),
    ("square", "access token", "EAAA{us 56..60}"),
    ("square", "OAuth secret", "sq0csp-{us 40..43}"),
    ("square", "old access token", "sq0atp-{us 20..22}"),
    ("paypal", "Braintree token", "access_token$production${low 16}${hex 32}"),
    ("paddle", "live key", "pdl_live_apikey_{low 26}_{an 22}_{an 3}"),
    ("paddle", "sandbox key", "pdl_sdbx_apikey_{low 26}_{an 22}_{an 3}"),
    ("shopify", "access token", "shpat_{hex 32}"),
    ("shopify", "custom app token", "shpca_{hex 32}"),
    ("shopify", "private app token", "shppa_{hex 32}"),
    ("shopify", "shared secret", "shpss_{hex 32}"),
    ("shopify", "user token", "shpua_{hex 32}"),
    ("flutterwave", "live key", "FLWSECK-{hex 32}-X"),
    ("flutterwave", "test key", "FLWSECK_TEST-{hex 32}-X"),
    ("razorpay", "live key id", "rzp_live_{an 14}"),
    ("razorpay", "test key id", "rzp_test_{an 14}"),
    ("plaid", "access token", "access-production-{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}"),
    ("plaid", "sandbox token", "access-sandbox-{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}"),
    ("mollie", "live key", "live_{an 30}"),
    ("easypost", "production key", "EZAK{an 54}"),
    ("easypost", "test key", "EZTK{an 54}"),
    ("shippo", "live token", "shippo_live_{hex 40}"),
    ("shippo", "test token", "shippo_test_{hex 40}"),
    ("duffel", "live token", "duffel_live_{use 43}"),
    ("duffel", "test token", "duffel_test_{use 43}"),
    ("gocardless", "live token", "live_{use 40}"),
    ("sendgrid", "API key", "SG.{us 16..22}.{us 16..43}"),
    ("resend", "API key", "re_{an 8}_{an 20..24}"),
    ("mailgun", "private key", "key-{hex 32}"),
    ("mailchimp", "API key", "{hex 32}-us{dig 1..2}"),
    ("brevo", "API key", "xkeysib-{hex 64}-{an 16}"),
    ("brevo", "SMTP key", "xsmtpsib-{hex 64}-{an 16}"),
    ("facebook", "access token", "EAA{an 100..180}"),
    ("instagram", "access token", "IGQV{us 60..180}"),
    ("twitter", "bearer token", "AAAAAAAAAAAAAAAAAAAAA{use 60..90}"),
    ("scalingo", "API token", "tk-us-{us 48}"),
    ("adafruit", "IO key", "aio_{an 28}"),
    # Others
    ("pem", "a private key in base64", "LS0tLS1CRUdJTi{any 40..400}"),
    ("google", "a service account in base64", "eyJ0eXBlIjogInNlcnZpY2V{any 40..400}"),
    ("google", "a service account in base64", "eyJ0eXBlIjoic2VydmljZ{any 40..400}"),
    ("google", "a service account in base64", "ewogICJ0eXBlIjogInNlcnZpY2V{any 40..400}"),
    ("adobe", "client secret", "p8e-{low 32}"),
    ("baidu", "cloud key", "bce-v3/ALTAK-{an 21}/{hex 40}"),
    ("chief", "token of Chief Tools", "ctp_{an 36..42}"),
    ("harness", "personal token", "pat.{us 22}.{hex 24}.{an 20}"),
    ("definednet", "API key", "dnkey-{us 26}-{us 52}"),
    ("ionic", "token", "ion_{an 42}"),
    ("lichess", "token", "lip_{an 20}"),
    ("logicmonitor", "bearer token", "lmb_{an 72..80}"),
    ("mercury", "production token", "secret-token:mercury_production_{us 40..60}"),
    ("nightfall", "API key", "NF-{an 32}"),
    ("persona", "production key", "persona_production_{us 36..40}"),
    ("persona", "sandbox key", "persona_sandbox_{us 36..40}"),
    ("polar", "personal token", "polar_pat_{us 36..60}"),
    ("polar", "organization token", "polar_oat_{us 36..60}"),
    ("prefect", "user key", "pnu_{an 36}"),
    ("prefect", "service key", "pnb_{an 36}"),
    ("readme", "API key", "rdme_{low 70}"),
    ("rootly", "token", "rootly_{hex 64}"),
    ("samsara", "API token", "samsara_api_{an 28..32}"),
    ("settlemint", "application token", "sm_aat_{an 16}"),
    ("settlemint", "personal token", "sm_pat_{an 16}"),
    ("thunderstore", "token", "tss_{an 36}"),
    ("unkey", "root key", "unkey_{an 20..24}"),
    ("valtown", "token", "vtwn_{an 28..32}"),
    ("wakatime", "API key", "waka_{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}"),
    ("zuplo", "consumer key", "zpka_{an 32}_{hex 8}"),
    ("buildkite", "job token", "bkaj_{use 40..300}"),
)  # fmt: skip

_FIELD = re.compile(r"\{(\w+) (\d+)(?:\.\.(\d+))?\}")
_SHORT = 4  # a prefix of so few characters begins a token only where no word goes on
_SLACK = 32  # an inner part may be so much longer than documented
_ENOUGH = 16  # characters behind a prefix that the filter looks at


class Format(NamedTuple):
    """One row. `literal`: in lower case, what any token of it holds."""

    rule: str
    what: str
    template: str
    literal: str
    pattern: str  # over text
    follows: str  # what is behind the literal, over lower-case bytes


def _parts(template: str) -> list[tuple[str, str, int, int]]:
    """(literal, class, least, usual) for each part; the class is "" for a literal."""
    parts: list[tuple[str, str, int, int]] = []
    done = 0
    for field in _FIELD.finditer(template):
        if field.start() > done:
            parts.append((template[done : field.start()], "", 0, 0))
        parts.append(("", CLASSES[field[1]], int(field[2]), int(field[3] or field[2])))
        done = field.end()
    if done < len(template):
        parts.append((template[done:], "", 0, 0))
    return parts


def _format(rule: str, what: str, template: str) -> Format:
    parts = _parts(template)
    pattern = ""
    for number, (literal, letters, least, usual) in enumerate(parts, 1):
        if literal:
            pattern += re.escape(literal)
        elif number == len(parts):
            ends = "(?![A-Za-z0-9])" if letters in _NARROW else ""
            pattern += f"[{letters}]{{{least},}}{ends}"
        else:
            most = "" if least == usual else f",{usual + _SLACK}"
            pattern += f"[{letters}]{{{least}{most}}}"
    first = parts[0][0]
    literals = [n for n, part in enumerate(parts) if part[0] and n + 1 < len(parts)]
    best = max(literals or [len(parts) - 1], key=lambda n: (len(parts[n][0].strip("-.:/")), n))
    follows = _followed(parts[best + 1 :])
    literal = parts[best][0].lower()
    return Format(rule, what, template, literal, _boundary(first) + pattern, follows)


_NARROW = {CLASSES[name] for name in ("hex", "low", "up", "dig")}


def _followed(parts: list[tuple[str, str, int, int]]) -> str:
    """A pattern over lower-case bytes for the beginning of these parts."""
    found, seen = "", 0
    for number, (literal, letters, least, usual) in enumerate(parts, 1):
        lower = letters.lower().replace("\\w", "a-z0-9_").replace("a-za-z", "a-z")
        if literal:
            found += re.escape(literal.lower())
        elif number == len(parts) or least >= _ENOUGH:
            found += f"[{lower}]{{{min(least, _ENOUGH)}}}"
        else:
            most = "" if least == usual else f",{usual + _SLACK}"
            found += f"[{lower}]{{{least}{most}}}"
        seen += len(literal) or least
        if seen >= _ENOUGH:
            break
    return found


# What opens emphasis in Markdown is no part of a token: `__token__`.
_EMPHASIS = "|".join(rf"(?<={before}{sign})" for before in (r"[^\w]", "^") for sign in ("_", "__"))


def _boundary(first: str) -> str:
    """What may not stand before a token that begins so."""
    if not first:
        return rf"(?:(?<![A-Za-z0-9_.])|(?<=\\[nrtbf])|{_EMPHASIS})"
    if first[-1] in "_-.~" and len(first) > _SHORT:
        return ""
    if first.isalnum():
        return rf"(?:(?<![A-Za-z0-9_])|(?<=\\[nrtbf])|{_EMPHASIS})"
    return r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf]))"


FORMATS = tuple(_format(*row) for row in _TABLE)


@cache
def pattern_of(form: Format) -> re.Pattern[str]:
    """The compiled pattern of a format: most processes need few of them."""
    return re.compile(form.pattern, re.ASCII)


_PLACEHOLDER = re.compile(r"[a-z]+(?:[-_][a-z]+)+|[A-Z]+(?:[-_][A-Z]+)+")


def is_placeholder(token: str, prefix: str) -> bool:
    """Whether what follows the prefix is not random: `xxxx…`, `....`, `your-key-goes-here`."""
    rest = token[len(prefix) :] if token.lower().startswith(prefix) else token
    return len(set(rest.lower()) - set("-_.")) <= 2 or bool(_PLACEHOLDER.fullmatch(rest))


def sample(template: str, choice: Callable[[list[str]], str]) -> str:
    """A token of this format, made at this moment."""
    made = ""
    for literal, letters, _, usual in _parts(template):
        alphabet = [
            char for char in map(chr, range(33, 127)) if re.match(f"[{letters or '.'}]", char)
        ]
        made += literal or "".join(choice(alphabet) for _ in range(usual))
    return made


def prefix_of(form: Format) -> str:
    """How people know its tokens: what they begin with, `…` for characters of chance."""
    shown = _FIELD.sub("…", form.template)
    return shown if shown[:1] == "…" else shown.partition("…")[0]
