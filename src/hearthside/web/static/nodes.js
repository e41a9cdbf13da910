// Pairing: choosing a node that was found, and a code typed in three groups. Nothing here loads, stores or sends anything.
"use strict";

/** The three fields of a code, in order. */
function codeParts(field) {
  return [...field.closest("form").querySelectorAll("[data-code-part]")];
}

document.addEventListener("click", (event) => {
  const chosen = event.target.closest?.("[data-node-address]");
  const form = document.querySelector(".node-form");
  if (!chosen || !form) return;
  form.elements.address.value = chosen.dataset.nodeAddress;
  codeParts(form.elements.address)[0].focus();
});

document.addEventListener("input", (event) => {
  const field = event.target;
  if (!field.matches?.("[data-code-part]") || field.value.length < field.maxLength) return;
  const parts = codeParts(field);
  parts[parts.indexOf(field) + 1]?.focus();
});

document.addEventListener("keydown", (event) => {
  const field = event.target;
  if (event.key !== "Backspace" || !field.matches?.("[data-code-part]") || field.value) return;
  const parts = codeParts(field);
  parts[parts.indexOf(field) - 1]?.focus();
});

document.addEventListener("paste", (event) => {
  const field = event.target;
  if (!field.matches?.("[data-code-part]")) return;
  const code = event.clipboardData.getData("text").replace(/[^0-9a-z]/gi, "");
  if (code.length <= field.maxLength) return;
  event.preventDefault();
  const parts = codeParts(field);
  parts.forEach((part, index) => (part.value = code.slice(index * part.maxLength, (index + 1) * part.maxLength)));
  parts[parts.length - 1].focus();
});
