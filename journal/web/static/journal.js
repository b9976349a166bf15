// What htmx does not do: follow the stream, move by keys, copy, let ages grow.
"use strict";
(() => {
  const trouble = document.getElementById("trouble");
  let stream = null;
  let missed = false;

  function say(text) {
    trouble.textContent = text;
    trouble.hidden = !text;
  }

  function changed() {
    document.body.dispatchEvent(new CustomEvent("journal:change"));
  }

  function follow() {
    if (stream || document.hidden) return;
    stream = new EventSource("/api/changes");
    stream.onopen = () => {
      say("");
      if (missed) changed();
      missed = false;
    };
    stream.onmessage = changed;
    stream.onerror = () => {
      missed = true;
      say("journal web does not answer. Start it again, and open the address that it prints.");
      if (stream.readyState === EventSource.CLOSED) {
        stream = null;
        setTimeout(follow, 3000);
      }
    };
  }

  // A browser opens six connections to a server at most: a hidden tab keeps none open.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) {
      missed = true;
      follow();
    } else if (stream) {
      stream.close();
      stream = null;
    }
  });

  // As journal.cli.screen.tables.age
  const units = [["y", 31536000, 1], ["w", 604800, 2], ["d", 86400, 2], ["h", 3600, 1], ["m", 60, 1], ["s", 1, 1]];
  function age(seconds) {
    for (const [letter, unit, least] of units) {
      if (seconds >= least * unit) return `${Math.floor(seconds / unit)}${letter} ago`;
    }
    return "now";
  }
  setInterval(() => {
    if (document.hidden) return;
    for (const one of document.querySelectorAll("time.age")) {
      const text = age((Date.now() - Date.parse(one.dateTime)) / 1000);
      if (one.textContent !== text) one.textContent = text;
    }
  }, 1000);

  const STOPS = ".card .title, .row .title, .hits .hit, .asked, .call.failed > summary";
  function move(step) {
    const all = [...document.querySelectorAll(STOPS)].filter((one) => one.offsetParent !== null);
    if (!all.length) return;
    const at = all.indexOf(document.activeElement);
    let next;
    if (at >= 0) next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
    else next = all.find((one) => one.getBoundingClientRect().top >= 60) || all[0];
    if (next.tabIndex < 0) next.tabIndex = -1;
    if (!next.hasAttribute("href") && next.tagName !== "SUMMARY") next.tabIndex = -1;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  function copy(id) {
    const from = document.getElementById(id);
    if (!from) return;
    navigator.clipboard.writeText(from.textContent).then(() => {
      const button = document.querySelector(`[data-copy="${id}"]`);
      if (button) {
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      }
    }, () => {});
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button.dataset.copy);
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches("input, select, textarea");
    if (typing) {
      if (event.key === "Escape") event.target.blur();
      if (event.key !== "ArrowDown" || event.target.matches("select")) return;
    }
    const find = document.querySelector("#words, #find:not([hidden])");
    const actions = {
      "/": () => { find.focus(); find.select(); },
      j: () => move(1),
      k: () => move(-1),
      ArrowDown: typing ? () => { event.target.blur(); move(1); } : null,
      y: () => copy("resume"),
      u: () => { location.href = location.pathname.startsWith("/sessions/") ? "/sessions" : "/"; },
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });

  // What a person has opened stays open while its surroundings follow.
  const keep = Idiomorph.defaults.callbacks;
  keep.beforeNodeMorphed = (old, fresh) =>
    !(old.nodeType === 1 && old.matches("details[open]") && old.id && old.id === fresh.id && !old.matches("#facts"));
  keep.beforeAttributeUpdated = (name, node) => !(name === "open" && node.matches("details"));

  // The address says what the filters say.
  document.body.addEventListener("htmx:afterRequest", (event) => {
    const form = event.detail.elt;
    if (!(form instanceof HTMLFormElement) || !event.detail.successful) return;
    const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
    history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  });
  document.body.addEventListener("htmx:responseError", (event) => {
    const html = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
    const words = html.querySelector("main h1");
    const hint = html.querySelector("main p");
    if (event.detail.xhr.status === 403) say("This page is of an earlier start. Open the address that journal web prints.");
    else if (words) say(hint ? `${words.textContent} (${hint.textContent})` : words.textContent);
  });
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.status === 200 && event.detail.elt instanceof HTMLFormElement) say("");
  });
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    const chunk = event.detail.elt;
    atEnd = chunk.matches(".chunk") && innerHeight + scrollY >= document.body.scrollHeight - 80;
  });
  let atEnd = false;
  document.body.addEventListener("htmx:afterSettle", () => {
    if (atEnd) scrollTo(0, document.body.scrollHeight);
    atEnd = false;
  });

  const typed = document.querySelector("input[autofocus]");
  if (typed) typed.setSelectionRange(typed.value.length, typed.value.length);
  for (const wide of document.querySelectorAll(".wide.end")) wide.scrollLeft = wide.scrollWidth;
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target) {
    const outer = target.parentElement.closest("details");
    if (outer) outer.open = true;
    if (target.matches("details")) target.open = true;
    target.classList.add("target");
  }
  follow();
})();
