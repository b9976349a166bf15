"""The project of a directory: real repositories in every shape git gives them, and hostile ones."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.git_files import CONFIG_BYTES
from hooks.project import Place, locate
from hooks.remote_url import remote_key
from places import ROOT
from repositories import commit, git, repository

HOST = "mill"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture(autouse=True)
def scratch_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def find(folder: Path | str) -> Place:
    return locate(str(folder), HOST)


def text(place: Place) -> tuple[str, str, str, str, str]:
    return place.top, place.branch, place.head, place.key, place.name


def own_key(repo: Path) -> str:
    """The key of a repository without a remote."""
    return f"repo:{HOST}:{repo}/.git"


def bare_bones(folder: Path, config: str = "", head: str = "ref: refs/heads/main\n") -> Path:
    """A working tree whose `.git` holds only what is written here."""
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text(head)
    (folder / ".git" / "config").write_text(config)
    return folder


def test_a_repository_with_a_remote_is_known_by_its_url(tmp_path: Path) -> None:
    repo = repository(tmp_path / "checkout", "git@github.com:acme/billing-api.git")
    head = git(repo, "rev-parse", "HEAD")
    expected = (str(repo), "main", head, "git:github.com/acme/billing-api", "billing-api")
    assert text(find(repo)) == expected


def test_a_folder_below_belongs_to_the_same_project_even_if_it_is_gone(tmp_path: Path) -> None:
    repo = repository(tmp_path / "checkout", "https://github.com/acme/billing-api")
    (repo / "src" / "deep").mkdir(parents=True)
    assert text(find(repo / "src" / "deep")) == text(find(repo))
    assert text(find(repo / "build" / "gone")) == text(find(repo))
    assert text(find(repo / ".git" / "hooks")) == text(find(repo))


def test_without_a_remote_the_repository_of_this_home_is_the_key(tmp_path: Path) -> None:
    repo = repository(tmp_path / "tool")
    head = commit(repo, "two")
    assert text(find(repo)) == (str(repo), "main", head, own_key(repo), "tool")
    assert locate(str(repo), "other").key == f"repo:other:{repo}/.git"


def test_a_file_named_head_does_not_confuse_git(tmp_path: Path) -> None:
    repo = repository(tmp_path / "tool")
    (repo / "HEAD").write_text("a file\n")
    assert find(repo).key == own_key(repo)


@pytest.mark.parametrize("options", [(), ("--depth=1",), ("--shared",)])
def test_repositories_with_a_commit_in_common_are_projects_apart(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    """Two repositories of one template share their first commit, and no words."""
    repo = repository(tmp_path / "tool")
    commit(repo, "two")
    url = f"file://{repo}" if options == ("--depth=1",) else str(repo)
    git(tmp_path, "clone", "--quiet", *options, url, str(tmp_path / "copy"))
    clone = find(tmp_path / "copy")
    assert (clone.key, clone.name) == (own_key(tmp_path / "copy"), "copy")


def test_a_second_remote_replaces_an_origin_that_is_a_path(tmp_path: Path) -> None:
    repo = repository(tmp_path / "tool", "/srv/git/tool.git")
    git(repo, "remote", "add", "backup", "ssh://git@git.example.com:2222/tools/tool.git")
    assert find(repo).key == "git:git.example.com/tools/tool"


def test_linked_worktrees_share_key_and_name_with_the_main_one(tmp_path: Path) -> None:
    repo = repository(tmp_path / "tool")
    linked = tmp_path / "elsewhere" / "fix"
    git(repo, "worktree", "add", "--quiet", "-b", "fix/rounding", str(linked))
    head = commit(linked, "fixed")
    assert text(find(linked)) == (str(linked), "fix/rounding", head, find(repo).key, "tool")
    assert find(repo).branch == "main"
    assert find(repo).head != head


def test_worktrees_of_a_bare_repository_are_named_after_it(tmp_path: Path) -> None:
    source = repository(tmp_path / "source")
    for bare, linked in (("tool.git", "one"), ("nested/.bare", "nested/two")):
        git(tmp_path, "clone", "--quiet", "--bare", str(source), str(tmp_path / bare))
        git(tmp_path / bare, "worktree", "add", "--quiet", "-b", "fix", str(tmp_path / linked))
    names = (find(tmp_path / "one").name, find(tmp_path / "nested" / "two").name)
    assert names == ("tool", "nested")
    assert find(tmp_path / "one").key == f"repo:{HOST}:{tmp_path}/tool.git"


def test_a_git_file_that_names_another_s_repository_is_not_believed(tmp_path: Path) -> None:
    """An unpacked archive can bring one."""
    repo = repository(tmp_path / "private", "https://h.org/private")
    git(tmp_path, "clone", "--quiet", "--bare", str(repo), str(tmp_path / "bare.git"))
    git(repo, "worktree", "add", "--quiet", str(tmp_path / "linked"))
    (tmp_path / "linked").rename(tmp_path / "away")
    submodule = repository(tmp_path / "whole")
    git(submodule, "submodule", "--quiet", "add", str(repo), "part")
    named = ["private/.git", "bare.git", "private/.git/worktrees/linked", "whole/.git/modules/part"]
    for number, target in enumerate(named):
        foreign = tmp_path / f"foreign-{number}"
        foreign.mkdir()
        (foreign / ".git").write_text(f"gitdir: {tmp_path / target}\n")
        assert find(foreign).key == f"path:{HOST}:{foreign}"


def test_a_worktree_whose_repository_is_gone_is_a_mere_directory(tmp_path: Path) -> None:
    repo = repository(tmp_path / "outer" / "tool")
    linked = tmp_path / "outer" / "fix"
    git(repo, "worktree", "add", "--quiet", str(linked))
    repo.rename(tmp_path / "moved")
    assert text(find(linked)) == (str(linked), "", "", f"path:{HOST}:{linked}", "fix")


def test_a_submodule_is_a_project_of_its_own(tmp_path: Path) -> None:
    part, whole = repository(tmp_path / "part"), repository(tmp_path / "whole")
    git(whole, "submodule", "--quiet", "add", str(part), "vendor/part")
    place = find(whole / "vendor" / "part")
    assert place.top == str(whole / "vendor" / "part")
    assert place.key == f"repo:{HOST}:{whole}/.git/modules/vendor/part"
    assert (place.head, place.branch) == (find(part).head, "main")
    linked = tmp_path / "linked"
    git(whole / "vendor" / "part", "worktree", "add", "--quiet", str(linked))
    assert find(linked).name == "part"
    assert find(whole).key != place.key


def test_a_git_file_may_be_relative(tmp_path: Path) -> None:
    repo = repository(tmp_path / "tool", "https://github.com/acme/tool")
    (repo / ".git").rename(tmp_path / "store")
    (repo / ".git").write_text("gitdir: ../store\n")
    assert find(repo).key == "git:github.com/acme/tool"
    assert find(repo).head == git(repo, "rev-parse", "HEAD")


def test_a_detached_head_has_a_commit_and_no_branch(tmp_path: Path) -> None:
    repo = repository(tmp_path / "tool")
    git(repo, "checkout", "--quiet", "--detach")
    assert (find(repo).branch, find(repo).head) == ("", git(repo, "rev-parse", "HEAD"))


def test_an_unborn_branch_has_a_name_and_no_commit(tmp_path: Path) -> None:
    repo = tmp_path / "tool"
    repo.mkdir()
    git(repo, "init", "--quiet", "-b", "trunk")
    assert text(find(repo)) == (str(repo), "trunk", "", own_key(repo), "tool")


@pytest.mark.parametrize("command", [("gc", "--quiet"), ("pack-refs", "--all")])
def test_packed_refs_are_read(tmp_path: Path, command: tuple[str, ...]) -> None:
    repo = repository(tmp_path / "tool")
    git(repo, "tag", "-a", "-m", "v1", "v1")
    git(repo, "branch", "main2")
    git(repo, "checkout", "--quiet", "-b", "fix/rounding")
    head = commit(repo, "two")
    git(repo, *command)
    assert not (repo / ".git" / "refs" / "heads" / "fix" / "rounding").exists()
    assert (find(repo).branch, find(repo).head) == ("fix/rounding", head)
    newer = commit(repo, "three")
    assert find(repo).head == newer


def test_symbolic_refs_are_followed_and_a_circle_of_them_is_left(tmp_path: Path) -> None:
    repo = repository(tmp_path / "tool")
    git(repo, "symbolic-ref", "refs/heads/alias", "refs/heads/main")
    git(repo, "symbolic-ref", "HEAD", "refs/heads/alias")
    assert (find(repo).branch, find(repo).head) == ("alias", git(repo, "rev-parse", "main"))
    (repo / ".git" / "refs" / "heads" / "main").write_text("ref: refs/heads/alias\n")
    assert (find(repo).branch, find(repo).head) == ("alias", "")


def test_a_head_that_is_a_symlink_is_a_symbolic_ref(tmp_path: Path) -> None:
    repo = repository(tmp_path / "tool")
    head = git(repo, "rev-parse", "HEAD")
    git(repo, "pack-refs", "--all")  # the link dangles, as git leaves it
    (repo / ".git" / "HEAD").unlink()
    (repo / ".git" / "HEAD").symlink_to("refs/heads/main")
    assert (find(repo).branch, find(repo).head) == ("main", head)


def test_sha256_repositories_have_longer_commits(tmp_path: Path) -> None:
    repo = tmp_path / "tool"
    repo.mkdir()
    git(repo, "init", "--quiet", "--object-format=sha256")
    head = commit(repo)
    assert len(head) == 64
    assert (find(repo).head, find(repo).key) == (head, own_key(repo))


@pytest.mark.parametrize(
    "head",
    [
        "ref: refs/heads/.invalid\n",  # reftable
        "ref: refs/heads/../../../../etc/passwd\n",
        "ref: refs/heads/a\x1b[31m\n",
        "ref: /etc/passwd\n",
        "ref: \n",
        "",
        "\0",
        "0123\n",
        "x" * 100_000,
    ],
)
def test_a_head_that_names_no_branch_gives_neither_branch_nor_commit(
    tmp_path: Path, head: str
) -> None:
    place = find(bare_bones(tmp_path / "tool", head=head))
    assert text(place)[:3] == (str(tmp_path / "tool"), "", "")


def test_a_branch_that_is_not_utf8_is_still_found(tmp_path: Path) -> None:
    repo = repository(tmp_path / "tool")
    head = git(repo, "rev-parse", "HEAD")
    (repo / ".git" / "HEAD").write_bytes(b"ref: refs/heads/caf\xe9\n")
    (repo / ".git" / "packed-refs").write_bytes(head.encode() + b" refs/heads/caf\xe9\n")
    assert (find(repo).branch, find(repo).head) == ("caf?", head)


CONFIGS = {
    "plain": '[remote "origin"]\n\turl = https://h.org/a\n',
    "upper case": '[REMOTE "origin"]\nURL=https://h.org/a',
    "quoted": '[remote "origin"]\nurl = "https://h.org/a" ; said twice\n',
    "comment": '[remote "origin"]\nurl = https://h.org/a # or not\n',
    "continued": '[remote "origin"]\nurl = https://h.o\\\nrg/a\n',
    "quotes continued": '[remote "origin"]\nurl = "https://h.o\\\nrg/a" # x\n',
    "one line": '[remote "origin"] url = https://h.org/a\n',
    "carriage returns": '\ufeff[remote "origin"]\r\n\turl = https://h.org/a\r\n',
    "origin comes last": '[remote "b"]\nurl=https://h.org/b\n[remote "origin"]\nurl=//h\n'
    '[remote "c"]\nurl=https://h.org/c\n[remote "origin"]\nurl=https://h.org/a\n',
    "the first of others": '[remote "b"]\nurl=https://h.org/a\n[remote "c"]\nurl=https://h.org/c\n',
    "brackets in the name": '[remote "]\\"x"]\nurl=https://h.org/a\n',
    "not what it seems": '# [remote "origin"]\n; url = https://h.org/no\n[other]\n'
    'x = 1 \\\n[remote "origin"]\nurl = https://h.org/no\n[branch "m"]\nurl = https://h.org/no\n'
    'a # = b\\\n[remote "origin"]\npushurl = https://h.org/no\nurl\nurl = https://h.org/a\n',
    "old subsections": "[remote.origin]\nurl = https://h.org/a\n",
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_the_configuration_is_read_as_git_reads_it(tmp_path: Path, config: str) -> None:
    assert find(bare_bones(tmp_path / "tool", config)).key == "git:h.org/a"


@given(value=st.text(st.sampled_from('ab \t"\\#;='), max_size=20))
def test_any_value_that_git_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, value: str
) -> None:
    folder = bare_bones(tmp_path_factory.mktemp("config"))
    url = f"ssh://h.org/{value}/end"
    git(folder, "config", "--file", str(folder / ".git" / "config"), "remote.a.b.url", url)
    expected = remote_key(url)
    place = find(folder)
    assert place.key == (f"git:{expected}" if expected else own_key(folder))


def test_includes_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "more").write_text('[remote "origin"]\nurl = https://h.org/a\n')
    repo = bare_bones(tmp_path / "tool", f"[include]\npath = {tmp_path / 'more'}\n")
    assert find(repo).key == own_key(repo)


def test_a_huge_configuration_is_read_up_to_its_bound_and_in_time(tmp_path: Path) -> None:
    first = '[remote "b"]\nurl = https://h.org/a\n'
    origin = '[remote "origin"]\nurl = https://h.org/no\n'
    for filler in ("[]\n", "[", "x=\\\n", '[remote "b"]\nurl=\\\n', "\\", '"'):
        name = "tool" + str(len(list(tmp_path.iterdir())))
        repo = bare_bones(tmp_path / name, first + filler * 300_000 + "\n" + origin)
        begun = time.monotonic()
        assert find(repo).key == "git:h.org/a"
        assert time.monotonic() - begun < 30


def test_a_url_that_the_bound_cuts_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    config = "#" * (CONFIG_BYTES - 40) + '\n[remote "origin"]\nurl = https://h.org/a/b\n'
    assert config[:CONFIG_BYTES].endswith("https://h.org/a")
    assert find(bare_bones(tmp_path / "tool", config)).key == own_key(tmp_path / "tool")


def test_packed_refs_are_read_up_to_their_bound(tmp_path: Path) -> None:
    repo = repository(tmp_path / "tool", "https://h.org/a")
    head = git(repo, "rev-parse", "HEAD")
    git(repo, "pack-refs", "--all")
    line = f"{head} refs/heads/main\n"
    more = "".join(f"{head} refs/tags/v{number}\n" for number in range(30_000))
    (repo / ".git" / "packed-refs").write_text(line + more)
    assert find(repo).head == head
    (repo / ".git" / "packed-refs").write_text(more + line)
    assert find(repo).head == ""


def test_a_directory_without_a_repository_is_known_by_host_and_path(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    expected = (str(folder), "", "", f"path:{HOST}:{folder}", "notes")
    assert text(find(f"{folder}/")) == text(find(f"/{folder}//./")) == expected


@pytest.mark.parametrize(
    ("directory", "top"),
    [
        ("/nowhere/dev/app/", "/nowhere/dev/app"),
        ("//nowhere//dev/./x/../app", "/nowhere/dev/app"),
        ("/nowhere/a\0b", "/nowhere/a\ufffdb"),
        ("/nowhere/\ud800", "/nowhere/?"),
        ("/nowhere/caf\udce9", "/nowhere/caf\udce9"),
        ("/", "/"),
        ("", ""),
        ("/nowhere" + "/a" * 1_000_000, "/nowhere" + "/a" * 1_000_000),
    ],
)
def test_a_directory_that_is_not_there_is_taken_as_it_is_written(directory: str, top: str) -> None:
    place = find(directory)
    assert (place.top, place.branch, place.head) == (top, "", "")
    assert place.key == f"path:{HOST}:{top}".replace("\udce9", "?")
    place.key.encode()
    place.name.encode()


def test_a_current_directory_that_is_gone_is_not_an_error(tmp_path: Path) -> None:
    code = "import os; os.mkdir('x'); os.chdir('x'); os.rmdir('../x');"
    code += "from hooks.project import locate; print(locate('a/../b/', 'h').key)"
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-B", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("path:h:a/../b/\n", "")


def test_a_symlink_to_a_folder_inside_leads_to_its_repository(tmp_path: Path) -> None:
    repo = repository(tmp_path / "tool", "https://h.org/a")
    (repo / "src").mkdir()
    (tmp_path / "link").symlink_to(repo / "src")
    assert text(find(tmp_path / "link")) == text(find(repo))


def test_fifos_sockets_and_loops_neither_hang_nor_raise(tmp_path: Path) -> None:
    for name in ("HEAD", "config", "commondir", "packed-refs", "refs"):
        repo = bare_bones(tmp_path / f"fifo-{name}", '[remote "origin"]\nurl=https://h.org/a\n')
        (repo / ".git" / name).unlink(missing_ok=True)
        os.mkfifo(repo / ".git" / name)
        expected = "git:h.org/a" if name != "config" else own_key(repo)
        assert (find(repo).key, find(repo).head) == (expected, "")
    for make in (os.mkfifo, lambda path: path.symlink_to(".git"), os.mkdir):
        plain = tmp_path / f"plain-{len(list(tmp_path.iterdir()))}"
        plain.mkdir()
        make(plain / ".git")
        assert find(plain).key == f"path:{HOST}:{plain}"


def test_a_long_chain_of_links_is_not_followed(tmp_path: Path) -> None:
    links = tmp_path / "links"
    links.mkdir()
    (links / "0").mkdir()
    for number in range(2000):
        (links / str(number + 1)).symlink_to(str(number))
    for git_file in ("gitdir: links/2000", "gitdir: " + "x/" * 4000, "gitdir: \0", "gitdir:", ""):
        (tmp_path / ".git").write_text(git_file)
        assert find(tmp_path).key == f"path:{HOST}:{tmp_path}"
    (tmp_path / ".git").unlink()
    bare_bones(tmp_path / "tool", f"[core]\nworktree={links}/2000\n")
    (tmp_path / "tool" / ".git" / "commondir").write_text(f"{links}/2000\n")
    assert find(tmp_path / "tool").top == str(tmp_path / "tool")


KEYS = [
    ("git@github.com:a/b.git", "github.com/a/b"),
    ("https://user:tok@github.com/a/b", "github.com/a/b"),
    ("ssh://git@github.com:22/a/b.git/", "github.com/a/b"),
    ("https://github.com/a/b", "github.com/a/b"),
    ("http://GitHub.COM/a/b.git", "github.com/a/b"),
    ("HTTPS://github.com:443//a//b/", "github.com/a/b"),
    ("git://github.com/a/b.git", "github.com/a/b"),
    ("git+ssh://git@github.com/a/b.git", "github.com/a/b"),
    ("github.com:a/b", "github.com/a/b"),
    ("git@github.com:/a/b.git", "github.com/a/b"),
    ("ssh://git@ssh.github.com:443/a/b.git", "github.com/a/b"),
    ("  git@github.com:a/b.git\n", "github.com/a/b"),
    ("https://ghp_0123456789@github.com/a/b.git?x=1#y", "github.com/a/b"),
    ("https://user:p@ss:w0rd@github.com/a/b", "github.com/a/b"),
    ("https://u%40h:p%2Fq@github.com/a/b", "github.com/a/b"),
    ("https://github.com./a/b", "github.com/a/b"),
    ("git@gitlab.com:Group/Sub.Group/Pro-ject_1.git", "gitlab.com/Group/Sub.Group/Pro-ject_1"),
    ("https://oauth2:glpat-x@gitlab.example.org:8443/g/p.git", "gitlab.example.org/g/p"),
    ("https://me@bitbucket.org/team/repo.git", "bitbucket.org/team/repo"),
    ("ssh://git@stash.example.com:7999/~ada/repo.git", "stash.example.com/~ada/repo"),
    ("stash.example.com:~ada/repo.git", "stash.example.com/~ada/repo"),
    ("https://org@dev.azure.com/org/My%20Proj/_git/repo", "dev.azure.com/org/My%20Proj/repo"),
    ("git@ssh.dev.azure.com:v3/org/My%20Proj/repo", "dev.azure.com/org/My%20Proj/repo"),
    ("ssh://git@[2001:DB8::1]:22/a/b.git", "[2001:db8::1]/a/b"),
    ("git@[2001:db8::1]:a/b.git", "[2001:db8::1]/a/b"),
    ("http://[2001:db8::1]/a/b", "[2001:db8::1]/a/b"),
    ("[git@example.com:2222]:a/b.git", "example.com/a/b"),
    ("[example.com:2222]:a/b.git", "example.com/a/b"),
    ("ada@example.com:/home/ada/tool/.git", "example.com/home/ada/tool"),
    ("https://example.com/a/b.git.git", "example.com/a/b.git"),
    ("https://müller.example/a/b", "müller.example/a/b"),
    ("https://10.0.0.7:3000/a/b", "10.0.0.7/a/b"),
    ("work:tool", "work/tool"),
    # Not shared by machines, or not distinguishable from a secret.
    ("", ""),
    ("/srv/git/a.git", ""),
    ("../a", ""),
    ("./a:b", ""),
    ("~/a", ""),
    ("github.com/a/b", ""),
    ("file:///srv/git/a.git", ""),
    ("FILE://host/a", ""),
    ("C:/a/b", ""),
    ("C:\\a\\b", ""),
    ("\\\\server\\share\\a", ""),
    ("http://localhost:3000/a/b", ""),
    ("ssh://git@127.0.0.1:2222/a/b", ""),
    ("http://[::1]:3000/a/b", ""),
    ("ext::sh -c 'nc host 1' a/b", ""),
    ("hg::https://example.com/a", ""),
    ("https://github.com", ""),
    ("https://github.com/", ""),
    ("https:///a/b", ""),
    ("https://github.com/../a", ""),
    ("https://github.com:port/a", ""),
    ("https://user:pass/word@github.com/a/b", ""),
    ("https://tok/@github.com/a/b", ""),
    ("https://github.com/a\nb", ""),
    ("https://[::1/a/b", ""),
    ("[" * 4000, ""),
    ("https://" + "[" * 4000 + "/a", ""),
    ("https://github.com/" + "a" * 5000, ""),
]


def test_a_remote_has_one_key_however_it_is_written() -> None:
    assert [(url, remote_key(url)) for url, _ in KEYS] == KEYS


PIECES = st.sampled_from(["https://", "ssh://", "git", "@", ":", "/", "[", "]", ".git", "a.b", "~"])


@given(url=st.one_of(st.text(), st.lists(st.one_of(PIECES, st.text(max_size=5))).map("".join)))
def test_no_text_raises_and_nothing_before_an_at_sign_is_kept(url: str) -> None:
    key = remote_key(url)
    after = url.rpartition("@")[2]
    assert "@" not in key
    host, _, path = key.partition("/")
    assert host.strip("[]").casefold() in after.casefold()
    assert all(part in after for part in path.split("/"))
    assert key == "" or (host and path and remote_key(f"https://{key}.git/") == key)


@given(
    user=st.text(st.characters(exclude_characters="/\\", categories=("L", "N", "P", "S"))),
    password=st.text(st.characters(exclude_characters="/\\", categories=("L", "N", "P", "S"))),
)
def test_any_login_gives_the_key_of_the_url_without_it(user: str, password: str) -> None:
    for url in (f"https://{user}:{password}@h.org/a", f"ssh://{user}@h.org:22/a"):
        assert remote_key(url) == "h.org/a"


@given(content=st.binary(max_size=200), name=st.sampled_from(["HEAD", "config", "commondir"]))
def test_no_content_of_a_repository_raises(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str
) -> None:
    folder = bare_bones(tmp_path_factory.mktemp("any"))
    (folder / ".git" / name).write_bytes(content)
    place = find(folder)
    assert place.top == str(folder)
    "".join(text(place)[1:]).encode()


def test_it_imports_only_os_sys_and_time() -> None:
    code = f"import os, sys, time; sys.path.insert(0, {str(ROOT)!r}); before = set(sys.modules)\n"
    code += "import hooks.project; new = set(sys.modules) - before\n"
    code += "print([name for name in new if not name.startswith('hooks')])"
    command = [sys.executable, "-I", "-S", "-B", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_locating_loads_nothing_more(tmp_path: Path) -> None:
    repo = repository(tmp_path / "tool")
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import hooks.project\n"
    code += "before = set(sys.modules)\n"
    code += f"key = hooks.project.locate({str(repo)!r}, 'h').key; print(key)\n"
    code += "print(sorted(set(sys.modules) - before))"
    command = [sys.executable, "-I", "-S", "-B", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"repo:h:{repo}/.git\n[]\n", "")
