"use strict";
const find = (selector) => document.querySelector(selector);
const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];
const query = find("#query");
const level = find("#level");
const chosen = new Set();
const keyOf = (element) => `${element.dataset.code} ${element.dataset.severity}`;

function show() {
  const words = query.value.toLowerCase();
  let count = 0;
  for (const article of findAll("article")) {
    let any = false;
    for (const item of findAll("li", article)) {
      const fits = (!level.value || item.dataset.severity === level.value) && (!chosen.size || chosen.has(keyOf(item)));
      item.classList.toggle("hidden", !fits);
      any = any || fits;
    }
    const hit = any && (!words || article.textContent.toLowerCase().includes(words));
    article.classList.toggle("hidden", !hit);
    count += hit;
  }
  find("#shown").textContent = `${count} of ${findAll("article").length} prompts shown`;
}

function choose(row) {
  const key = keyOf(row);
  if (!chosen.delete(key)) chosen.add(key);
  row.classList.toggle("on", chosen.has(key));
  row.setAttribute("aria-pressed", chosen.has(key));
  show();
}

function sort(column, button) {
  const body = find("tbody");
  const up = button.dataset.up !== "1";
  button.dataset.up = up ? "1" : "";
  const value = (row) => row.children[column].textContent;
  const order = (a, b) => (isNaN(value(a)) ? value(a).localeCompare(value(b)) : value(a) - value(b));
  for (const row of findAll("tr", body).sort((a, b) => order(a, b) * (up ? 1 : -1))) body.append(row);
}

query.addEventListener("input", show);
level.addEventListener("change", show);
for (const row of findAll("tbody tr")) {
  row.addEventListener("click", () => choose(row));
  row.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose(row);
  });
}
findAll("th button").forEach((button, column) => button.addEventListener("click", () => sort(column, button)));
show();
