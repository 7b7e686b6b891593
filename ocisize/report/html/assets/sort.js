// Tables that readers sort by a column and filter by words; without the script they are in the order of the report.

/** The value that a row is sorted by: a number where the cell has one, else its text. */
function valueOf(row, column) {
  const cell = row.cells[column];
  return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
}

function sortRows(table, column, descending) {
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => ({ row, value: valueOf(row, column) }));
  const compare = (a, b) => (typeof a.value === "number" ? a.value - b.value : a.value.localeCompare(b.value));
  rows.sort((a, b) => (descending ? compare(b, a) : compare(a, b)));
  body.append(...rows.map(({ row }) => row));
}

/** A button in each heading; the first press puts large numbers and early names first, the next press reverses that. */
function addSortButtons(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    if (head.textContent === "" || table.tBodies[0].rows.length < 2) return;
    const button = element("button", { type: "button", textContent: head.textContent });
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const numeric = typeof valueOf(table.tBodies[0].rows[0], column) === "number";
      const descending = head.ariaSort ? head.ariaSort === "ascending" : numeric;
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      sortRows(table, column, descending);
    });
  });
}

/** A field that hides the rows whose names lack one of its words, where there are many rows. */
function addFilter(table) {
  const rows = [...table.tBodies[0].rows];
  if (rows.length < 20) return;
  const nameOf = (row) => [...row.querySelectorAll(".text:not(.minor)")].map((cell) => cell.textContent).join(" ");
  const texts = new Map(rows.map((row) => [row, nameOf(row).toLowerCase()]));
  const input = element("input", { type: "search", autocomplete: "off", spellcheck: false });
  const status = element("span", { role: "status", className: "note" });
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/);
    let shown = 0;
    for (const row of rows) {
      row.hidden = !words.every((word) => texts.get(row).includes(word));
      if (!row.hidden) shown += 1;
    }
    status.textContent = input.value.trim() ? `${shown} of ${rows.length}` : "";
  });
  const label = element("label", { className: "filter" }, "Filter ", input, " ", status);
  table.closest(".scroll").before(label);
}

for (const table of document.querySelectorAll("table.sortable")) {
  addSortButtons(table);
  addFilter(table);
}
