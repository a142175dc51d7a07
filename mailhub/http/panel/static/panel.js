// What pages do beyond htmx. Every page works without it, too: what needs a script is hidden
// until there is one.
"use strict";

document.documentElement.classList.add("scripted");

// <button type="button" data-copy="id of an element"> puts the element's text on the clipboard.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText("value" in source ? source.value : source.textContent.trim());
  button.dataset.done = "yes";
  setTimeout(() => delete button.dataset.done, 2000);
});

// <form data-confirm="question"> is sent after a yes only.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

// Cells know their column's name: on a phone, where a row is a small card, it stands before them.
function nameCells() {
  for (const table of document.querySelectorAll("main table:not(.plain, .lines)")) {
    const names = [...table.querySelectorAll("thead tr:last-child > *")].map((it) => it.textContent.trim());
    for (const cell of table.querySelectorAll("tbody td")) {
      const name = names[cell.cellIndex];
      if (name && cell.textContent.trim()) cell.dataset.column = `${name}:`;
    }
  }
}
nameCells();
document.addEventListener("htmx:after:swap", nameCells);
