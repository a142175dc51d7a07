// What a letter's form does beyond plain HTML: it keeps drafts by itself and completes addresses.
"use strict";

const letter = document.getElementById("letter");
const REST = 4000; // milliseconds of quiet after which a draft is kept
let dirty = false, busy = false, leaving = false, timer = 0;

function say(page) {
  const state = page.getElementById("state");
  document.getElementById("state").replaceChildren(...state.childNodes);
  for (const time of document.querySelectorAll("#state time")) {
    time.textContent = new Date(time.dateTime).toLocaleTimeString(document.documentElement.lang);
  }
}

async function keep() {
  if (busy || leaving || !dirty || letter.elements.fixed) return;
  busy = true;
  dirty = false;
  const typed = new URLSearchParams();
  for (const [name, value] of new FormData(letter)) {
    if (typeof value === "string") typed.append(name, value);
  }
  try {
    const answer = await fetch("/mail/compose/keep", { method: "POST", body: typed });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const kept = page.getElementById("kept");
    if (kept) {
      document.getElementById("kept").replaceChildren(...kept.childNodes);
      letter.elements.key.value = kept.dataset.key;
      for (const box of letter.querySelectorAll("input[name=take]")) box.disabled = true;
    } else {
      dirty = true;
    }
    say(page);
  } catch {
    dirty = true;
  } finally {
    busy = false;
    if (dirty) plan(10 * REST);
  }
}

function plan(rest) {
  clearTimeout(timer);
  timer = setTimeout(keep, rest);
}

// Files in the form are counted before they travel.
function fits() {
  const files = document.getElementById("files");
  if (!files) return true;
  let octets = 0;
  for (const file of files.files) octets += file.size * 4 / 3;
  const right = octets <= Number(letter.dataset.most);
  document.getElementById("files-problem").hidden = right;
  return right;
}

// The part of a field behind its last comma is completed.
function last(field) {
  return field.value.slice(field.value.search(/[^,;\n]*$/)).trim();
}

async function complete(field) {
  const place = document.getElementById(`${field.id}-found`);
  const query = last(field);
  if (query.length < 2) return place.replaceChildren();
  const answer = await fetch(`/mail/compose/people?query=${encodeURIComponent(query)}`);
  if (!answer.ok || answer.redirected || query !== last(field)) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  place.replaceChildren(...page.body.childNodes);
}

if (letter) {
  letter.addEventListener("input", (event) => {
    dirty = true;
    plan(REST);
    if (event.target.id === "files") fits();
    if (event.target.matches("textarea.people")) {
      clearTimeout(event.target.wait);
      event.target.wait = setTimeout(() => complete(event.target), 200);
    }
  });
  letter.addEventListener("click", (event) => {
    const chosen = event.target.closest("[data-person]");
    if (chosen) {
      const place = chosen.closest(".found");
      const field = document.getElementById(place.id.replace("-found", ""));
      const start = field.value.search(/[^,;\n]*$/);
      field.value = `${field.value.slice(0, start)}${start ? " " : ""}${chosen.dataset.person}, `;
      place.replaceChildren();
      field.focus();
      dirty = true;
      plan(REST);
    }
    const asking = event.target.closest("[data-ask]");
    if (asking && !window.confirm(asking.dataset.ask)) event.preventDefault();
  });
  letter.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target.matches("textarea.people, .found *")) {
      for (const place of letter.querySelectorAll(".found")) place.replaceChildren();
    }
    if (event.key === "Enter" && event.target.matches("textarea.people")) event.preventDefault();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.id === "text") {
      letter.requestSubmit(document.getElementById("send"));
    }
  });
  letter.addEventListener("submit", (event) => {
    if (!fits() && event.submitter?.value !== "discard") {
      event.preventDefault();
      return;
    }
    if (leaving) {
      event.preventDefault(); // sent once is enough
      return;
    }
    leaving = true;
    clearTimeout(timer);
  });
  // Who comes back to this page by the browser's own button may send it again.
  window.addEventListener("pageshow", () => { leaving = false; });
  window.addEventListener("beforeunload", (event) => {
    if (dirty && !leaving) event.preventDefault();
  });
}
