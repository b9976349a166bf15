"""Secrets without a known format, in the places where files and commands have them."""

import base64
import json
import random
import string

import pytest

from journal.redaction.redactor import Redactor

REDACTOR = Redactor(bytes(range(32)))
CHANCE = random.Random()
PLACES = [
    "apiVersion: v1\ndata:\n  db: {b64}\nkind: Secret\nmetadata:\n  name: app",
    "kind: Secret\nstringData:\n  password: {}\n  other: {}",
    '{{"kind":"Secret","data":{{"db":"{b64}"}}}}',
    "kubectl get secret app -o jsonpath='{{.data.password}}' | base64 -d\n{}",
    '[{{"value": "{}", "name": "DB_PASSWORD"}}]',
    "- value: {}\n  name: API_TOKEN",
    "mysql -h db -u root -p{} app",
    "mysqldump -u root -p'{}' app",
    "redis-cli -h cache -a {} ping",
    "docker login -u dev -p {} ghcr.io",
    "helm registry login -u dev -p {} reg",
    "sshpass -p '{}' ssh host",
    "mongosh -u root -p {} --quiet",
    "ldapsearch -D cn=admin -w {} -b dc=x",
    "zip -P {} out.zip f",
    "7z a -p{} out.7z f",
    "openssl rsa -in k.pem -passin pass:{}",
    "echo '{}' | sudo -S apt-get update",
    "echo {} | docker login --password-stdin -u x",
    "echo {} | gh auth login --with-token",
    "echo 'root:{}' | chpasswd",
    "~/.pgpass:\ndb.internal:5432:app:dev:{}",
    "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n{b64}\nPrivate-MAC: 0",
    'ConvertTo-SecureString "{}" -AsPlainText -Force',
    "CREATE USER 'app'@'%' IDENTIFIED BY '{}';",
    "ALTER USER app WITH PASSWORD '{}';",
    "define('DB_PASSWORD', '{}');",
    "os.putenv('API_TOKEN', '{}')",
    "db:\n  password:\n    {}",
    "auth:\n  api_key: >-\n    {}\n",
    "the admin password is {} please use it",
    "the api key for staging is {}.",
    "https://a.blob.core.windows.net/c?sv=1&sig={}{}%3D&se=2",
    "GET /f?X-Amz-Signature={hex}",
    "<add key=\"ApiKey\" value=\"{}\" />",
    "DD_APP_KEY={hex}",
]  # fmt: skip


@pytest.mark.parametrize("template", PLACES)
def test_a_secret_in_that_place_is_removed(template: str) -> None:
    word = "".join(CHANCE.choice(string.ascii_letters) for _ in range(16)) + "a7"
    b64 = base64.b64encode(CHANCE.randbytes(30)).decode()
    of_hex = CHANCE.randbytes(20).hex()
    text = template.replace("{}", "\0").format(b64=b64, hex=of_hex).replace("\0", word)
    nested = json.dumps({"content": json.dumps({"out": text})})
    for data in (json.dumps({"p": text}).encode(), json.dumps({"p": nested}).encode()):
        redacted = REDACTOR.json(data)
        assert [one for one in (word, b64, of_hex) if one.encode() in redacted] == []
        assert REDACTOR.json(redacted) == redacted
