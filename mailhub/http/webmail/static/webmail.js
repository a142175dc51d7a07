// What the webmail does beyond plain pages: times in the reader's zone, keys, and lists that follow
// what arrives. Every page works without it, too.
"use strict";

(() => {
  const spoken = document.documentElement.lang;

  // -- times are written in UTC

  function localTimes(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      const today = at.toDateString() === new Date().toDateString();
      time.title = at.toLocaleString(spoken);
      if ("whole" in time.dataset) time.textContent = time.title;
      else if (today) time.textContent = at.toLocaleTimeString(spoken, { hour: "2-digit", minute: "2-digit" });
      else {
        const year = at.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
        time.textContent = at.toLocaleDateString(spoken, { day: "numeric", month: "short", year });
      }
    }
  }

  // -- lists: one line is where the keys are, any number are chosen

  const rows = () => [...document.querySelectorAll("#lines tr[data-line]")];
  const current = () => document.querySelector("#lines tr[aria-selected=true]");
  const box = (row) => row.querySelector("input[type=checkbox]");

  function select(row) {
    current()?.removeAttribute("aria-selected");
    if (!row) return;
    row.setAttribute("aria-selected", "true");
    row.querySelector(".what a").focus();
    row.scrollIntoView({ block: "nearest" });
  }

  function step(by) {
    const all = rows();
    const at = all.indexOf(current());
    select(all[at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)]);
  }

  let last = -1;

  function press(key) {
    const found = [...document.querySelectorAll("[data-key]")].filter((one) => one.dataset.key === key);
    const target = found[found.length - 1];
    if (!target) return false;
    if (target.closest("#list")) {
      const row = current();
      last = rows().indexOf(row);
      if (!rows().some((one) => box(one).checked)) {
        if (!row) return true;
        box(row).checked = true;
      }
    }
    if (target.tagName === "INPUT") target.focus();
    else target.click();
    return true;
  }

  const moves = {
    j: () => step(1),
    k: () => step(-1),
    o: () => current()?.querySelector(".what a").click(),
    x: () => { const row = current(); if (row) box(row).checked = !box(row).checked; },
  };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]")) return;
    if (event.key in moves) moves[event.key]();
    else if (!press(event.key)) return;
    event.preventDefault();
  });

  function chooser(root) {
    const head = root.querySelector("#lines thead th");
    if (!head || head.querySelector("input")) return;
    const label = document.createElement("label");
    const all = document.createElement("input");
    all.type = "checkbox";
    label.append(...head.childNodes, all);
    head.append(label);
    all.addEventListener("change", () => {
      for (const row of rows()) box(row).checked = all.checked;
    });
  }

  // -- what arrives, leaves or changes while the page is open

  async function refresh() {
    const list = document.getElementById("list");
    const reply = await fetch(list ? location.href : "/mail/help", { credentials: "same-origin" });
    if (!reply.ok || reply.redirected) return;
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    const here = document.querySelector("#folders a[aria-current]")?.getAttribute("href");
    const folders = page.getElementById("folders");
    for (const link of folders.querySelectorAll("a")) {
      if (link.getAttribute("href") === here) link.setAttribute("aria-current", "page");
    }
    document.getElementById("folders").replaceWith(folders);
    const lines = page.getElementById("list");
    if (!list || !lines || list.contains(document.activeElement?.closest("select"))) return;
    const chosen = new Set(rows().filter((row) => box(row).checked).map((row) => row.dataset.line));
    const at = current()?.dataset.line;
    list.replaceWith(lines);
    for (const row of rows()) {
      box(row).checked = chosen.has(row.dataset.line);
      if (row.dataset.line === at) row.setAttribute("aria-selected", "true");
    }
    document.title = page.title;
    shown(lines);
  }

  let waits = 0;
  function soon() {
    clearTimeout(waits);
    waits = setTimeout(refresh, 300);
  }

  function listen(path) {
    const source = new EventSource(path);
    source.addEventListener("message", soon);
    addEventListener("pagehide", () => source.close());
  }

  function shown(root) {
    localTimes(root);
    chooser(root);
  }

  // What was done in place: the list is another one now, and numbers beside the folders, too.
  document.addEventListener("htmx:after:swap", () => {
    shown(document);
    if (last >= 0) select(rows()[Math.min(last, rows().length - 1)]);
    last = -1;
    soon();
  });

  shown(document);
  const mail = document.querySelector("[data-updates]");
  if (mail && "EventSource" in window) listen(mail.dataset.updates);
})();
