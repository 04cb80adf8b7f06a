// Makes the console quicker; without it every page works.
"use strict";

const field = document.querySelector("#q, #target, #find");
for (const hint of document.querySelectorAll(".keys")) hint.hidden = false;

document.addEventListener("keydown", (event) => {
  const writing = event.target.matches("input:not([type=checkbox]), textarea, select");
  if (event.key === "/" && !writing && !event.ctrlKey && !event.metaKey && !event.altKey && field) {
    event.preventDefault();
    field.focus();
    field.select();
  }
  // While an input method composes, Enter chooses a character.
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target.matches("textarea")) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
});

// Addresses stay short enough to share: what is as by default is not sent.
document.addEventListener("submit", (event) => {
  for (const input of event.target.querySelectorAll("[data-default]")) {
    input.disabled = input.value === input.dataset.default;
  }
});

// Back from the cache of the browser, the fields must be usable again.
window.addEventListener("pageshow", () => {
  for (const input of document.querySelectorAll("[data-default]")) input.disabled = false;
});
