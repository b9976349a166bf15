"""The identity in a remote's URL. Forms: git-fetch(1), "GIT URLS"."""

# The same repository behind another door: ssh on port 443, and Azure's two hosts.
URL_CHARS = 4096
DOORS = {
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
    "ssh.dev.azure.com": "dev.azure.com",
}


def remote_key(url: str) -> str:
    """`host/path` of a remote, the same for every way to write it; "" if machines do not share it.

    Without user, password, port, query and `.git`; the host in lower case, the path as it is.
    Local paths, `file:`, loopback hosts, transport helpers (`ext::`) and paths with an `@`, which
    could be the rest of a password, have no key.
    """
    url = url.strip()
    scheme, separator, rest = url.partition("://")
    if len(url) > URL_CHARS or not url.isprintable() or "\\" in url or scheme.lower() == "file":
        return ""
    if separator and scheme and all(c.isalnum() or c in "+-." for c in scheme):
        authority, _, path = rest.partition("/")
        authority = authority.rpartition("@")[2]
    else:
        authority, path = _scp_parts(url)
    host = _host(authority)
    host = DOORS.get(host, host)
    parts = _path_parts(path)
    if host == "dev.azure.com":  # https: org/project/_git/repo, ssh: v3/org/project/repo
        parts = [part for part in parts[parts[:1] == ["v3"] :] if part != "_git"]
    return "/".join((host, *parts)) if host and parts else ""


def _scp_parts(url: str) -> tuple[str, str]:
    """`[user@]host:path` as authority and path; a slash before the colon is a local path."""
    head, slash, tail = url.partition("/")
    rest = head.rpartition("@")[2] + slash + tail
    if url.startswith("[") or rest.startswith("["):  # [::1]:path, [user@host:22]:path
        inside, _, path = rest.lstrip("[").partition("]:")
        return f"[{inside}]", path
    host, _, path = rest.partition(":")
    drive_or_helper = len(host) == 1 or path.startswith(":")
    return ("", "") if "/" in host or drive_or_helper else (host, path)


def _host(authority: str) -> str:
    """The host in lower case without its port; "" if it is none or this very machine."""
    host, _, port = authority.partition(":")
    punctuation = "-._"
    if authority.startswith("["):
        host, _, port = authority[1:].partition("]")
        if host.count(":") < 2:
            return "" if host.startswith("[") else _host(host)  # [host:22]
        port, punctuation = port[1:], ":.%"
    host = host.lower().rstrip(".")
    if not host or not all(c.isalnum() or c in punctuation for c in host):
        return ""
    numeric = host.replace(".", "").isdigit()
    loopback = host in ("localhost", "::1") or (numeric and host.startswith("127."))
    if loopback or (port and not port.isdigit()):
        return ""
    return f"[{host}]" if ":" in host else host


def _path_parts(path: str) -> list[str]:
    whole = path.partition("?")[0].partition("#")[0].rstrip("/").removesuffix(".git")
    parts = [part for part in whole.split("/") if part not in ("", ".")]
    return [] if "@" in path or ".." in parts else parts
