"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  const first = [...body.rows];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    const value = (row) => {
      const cell = row.cells[column], text = cell.dataset.sort ?? cell.textContent.trim();
      return column && !Number.isNaN(Number(text)) ? Number(text) : text;
    };
    button.addEventListener("click", () => {
      // Numbers begin with the highest, names with A; the third click restores the report's order.
      const order = head.classList.contains("number") ? ["descending", "ascending"] : ["ascending", "descending"];
      const next = order[order.indexOf(head.getAttribute("aria-sort")) + 1];
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      if (next) head.setAttribute("aria-sort", next);
      const sign = next === "ascending" ? 1 : -1;
      const compare = (a, b) => sign * (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0);
      body.append(...(next ? [...first].sort(compare) : first));
    });
  });
}
const filter = document.getElementById("filter");
if (filter) {
  filter.closest(".filter").hidden = false;
  const all = [...document.querySelectorAll("details.comparison")];
  const texts = all.map((one) => one.textContent.toLowerCase());
  filter.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    all.forEach((one, number) => { one.hidden = !texts[number].includes(wanted); });
    document.getElementById("found").value = wanted ? `${all.filter((one) => !one.hidden).length} of ${all.length}` : "";
  });
}
