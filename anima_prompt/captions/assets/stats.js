"use strict";
const filter = document.getElementById("filter");
const rows = [...document.querySelectorAll("#tags tbody tr")];
filter.addEventListener("input", () => {
  const wanted = filter.value.trim().toLowerCase();
  for (const row of rows) {
    const cells = row.children;
    const text = `${cells[0].textContent} ${cells[1].textContent} ${cells[2].textContent}`.toLowerCase();
    row.hidden = !text.includes(wanted);
  }
});
