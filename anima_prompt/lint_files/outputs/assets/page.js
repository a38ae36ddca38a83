"use strict";
const one = (selector) => document.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const query = one("#query");
const level = one("#level");
const chosen = new Set();

function show() {
  const words = query.value.toLowerCase();
  let count = 0;
  for (const article of all("article")) {
    let any = false;
    for (const item of all("li", article)) {
      const fits = (!level.value || item.dataset.severity === level.value) && (!chosen.size || chosen.has(item.dataset.code));
      item.classList.toggle("hidden", !fits);
      any = any || fits;
    }
    const hit = any && (!words || article.textContent.toLowerCase().includes(words));
    article.classList.toggle("hidden", !hit);
    count += hit;
  }
  one("#shown").textContent = `${count} of ${all("article").length} prompts shown`;
}

function choose(row) {
  const code = row.dataset.code;
  if (!chosen.delete(code)) chosen.add(code);
  row.classList.toggle("on", chosen.has(code));
  row.setAttribute("aria-pressed", chosen.has(code));
  show();
}

function sort(column, button) {
  const body = one("tbody");
  const up = button.dataset.up !== "1";
  button.dataset.up = up ? "1" : "";
  const value = (row) => row.children[column].textContent;
  const order = (a, b) => (isNaN(value(a)) ? value(a).localeCompare(value(b)) : value(a) - value(b));
  for (const row of all("tr", body).sort((a, b) => order(a, b) * (up ? 1 : -1))) body.append(row);
}

query.addEventListener("input", show);
level.addEventListener("change", show);
for (const row of all("tbody tr")) {
  row.addEventListener("click", () => choose(row));
  row.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose(row);
  });
}
all("th button").forEach((button, column) => button.addEventListener("click", () => sort(column, button)));
show();
