"use strict";
(() => {
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const root = document.documentElement;

  // Theme: the system's, until another one is chosen.
  const button = document.getElementById("theme");
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (prefersDark.matches ? "dark" : "light")) === "dark";
  const label = () => { button.textContent = isDark() ? "Light theme" : "Dark theme"; };
  try {
    const kept = localStorage.getItem("theme");
    if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  } catch (error) { /* files may have no storage */ }
  button.hidden = false;
  label();
  prefersDark.addEventListener("change", label);
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    label();
    try { localStorage.setItem("theme", root.dataset.theme); } catch (error) { /* as above */ }
  });

  // Sorting: down, up, and back to the order of the page; cells without a value stay last.
  const value = (row, column) => {
    const cell = row.cells[column];
    if (cell.dataset.v !== undefined) return Number(cell.dataset.v);
    return cell.textContent.trim();
  };
  const compare = (one, other) => {
    if (typeof one === "number" && typeof other === "number") return one - other;
    if (typeof one === "number") return -1;
    if (typeof other === "number") return 1;
    return one.localeCompare(other, undefined, { numeric: true });
  };
  const sort = (head) => {
    const table = head.closest("table");
    const column = Number(head.dataset.col);
    const before = head.getAttribute("aria-sort");
    const steps = head.matches(".rank, .name")
      ? [null, "ascending", "descending"] : [null, "descending", "ascending"];
    const next = steps[(steps.indexOf(before) + 1) % 3];
    all("[aria-sort]", table).forEach((other) => other.removeAttribute("aria-sort"));
    if (next) head.setAttribute("aria-sort", next);
    const sign = next === "descending" ? -1 : 1;
    Array.from(table.tBodies).forEach((body) => {
      const rows = Array.from(body.rows);
      rows.forEach((row, position) => {
        if (row.dataset.place === undefined) row.dataset.place = String(position);
      });
      const keyed = rows.map((row) => ({ row, key: value(row, column), place: Number(row.dataset.place) }));
      keyed.sort((one, other) => {
        if (!next) return one.place - other.place;
        if ((one.key === "") !== (other.key === "")) return one.key === "" ? 1 : -1;
        return sign * compare(one.key, other.key) || one.place - other.place;
      });
      body.append(...keyed.map((entry) => entry.row));
    });
  };

  // Ties: the rows that share a letter with the one whose rank was pressed.
  const clear = (table) => {
    all(".tied, .untied", table).forEach((one) => one.classList.remove("tied", "untied"));
    all("button[aria-pressed=true]", table).forEach((other) => other.setAttribute("aria-pressed", "false"));
  };
  const mark = (pressed) => {
    const cell = pressed.closest("td");
    const table = cell.closest("table");
    const on = pressed.getAttribute("aria-pressed") !== "true";
    clear(table);
    if (!on) return;
    pressed.setAttribute("aria-pressed", "true");
    const letters = new Set(cell.dataset.ties);
    all("tbody tr", table).forEach((row) => {
      const ties = row.cells[cell.cellIndex].dataset.ties || "";
      if (!ties) return;
      const name = Array.from(ties).some((letter) => letters.has(letter)) ? "tied" : "untied";
      const score = row.cells[cell.cellIndex + 1];
      [row, row.cells[cell.cellIndex], score].forEach((one) => one.classList.add(name));
    });
  };
  all("td[data-ties]").forEach((cell) => {
    const made = document.createElement("button");
    made.type = "button";
    made.title = "mark the rows that share a letter with this one";
    made.setAttribute("aria-pressed", "false");
    made.append(...cell.childNodes);
    cell.append(made);
  });
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("button");
    if (!pressed) return;
    if (pressed.closest("th[data-col]")) sort(pressed.closest("th"));
    else if (pressed.closest("td[data-ties]")) mark(pressed);
  });

  // Filters: tables by set and IPC, columns by protocol and student, rows by method.
  const form = document.getElementById("filters");
  const wanted = (name) => {
    const field = form.querySelector(`[data-filter="${name}"]`);
    if (!field) return "";
    return field.type === "checkbox" ? field.checked : field.value;
  };
  const fits = (told, want) => want === "" || told === undefined || told === want;
  const columns = (table, shows) => {
    const heads = all("th[data-col]", table);
    const hide = heads.map((head, place) => place > 0 && !shows(head));
    if (!heads.some((head, place) => head.hidden !== hide[place])) return;
    all("tbody tr", table).concat(heads[0].parentElement).forEach((row) => {
      hide.forEach((hidden, place) => { row.cells[place].hidden = hidden; });
    });
    let place = 1;
    all(".spans th", table).forEach((span) => {
      const width = Number(span.dataset.width || span.colSpan);
      span.dataset.width = String(width);
      const left = hide.slice(place, place + width).filter((hidden) => !hidden).length;
      span.hidden = left === 0;
      span.colSpan = Math.max(1, left);
      place += width;
    });
  };
  const filter = () => {
    const [dataset, ipc, protocol, student] = ["dataset", "ipc", "p", "s"].map(wanted);
    const method = String(wanted("method")).trim().toLowerCase();
    const extra = wanted("extra");
    const boards = all(".board");
    let shown = 0;
    boards.forEach((board) => {
      let visible = fits(board.dataset.dataset, dataset) && fits(board.dataset.ipc, ipc);
      const table = board.querySelector("table.sortable");
      if (visible && table) {
        const asked = (head) => fits(head.dataset.p, protocol)
          && (student === "" || head.dataset.p === undefined || head.dataset.s === student);
        columns(table, (head) => asked(head) && (extra || !head.classList.contains("extra")));
        all("tbody tr", table).forEach((row) => {
          row.hidden = method !== "" && !row.cells[0].textContent.toLowerCase().includes(method);
        });
        const about = all("th[data-p]", table);
        if ((protocol !== "" || student !== "") && !about.some(asked)) visible = false;
        if (!all("tbody tr", table).some((row) => !row.hidden)) visible = false;
      }
      board.hidden = !visible;
      shown += visible;
    });
    document.getElementById("shown").textContent = `${shown} of ${boards.length} tables shown`;
  };
  if (form) {
    form.hidden = false;
    form.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    filter();
  }

  // The section that is read, in the list of sections.
  const links = new Map(all("nav a").map((link) => [link.hash.slice(1), link]));
  const current = new IntersectionObserver((entries) => entries.forEach((entry) => {
    if (!entry.isIntersecting) return;
    links.forEach((link) => link.removeAttribute("aria-current"));
    const link = links.get(entry.target.id);
    if (link) link.setAttribute("aria-current", "true");
  }), { rootMargin: "-10% 0px -80% 0px" });
  all("main > section").forEach((section) => current.observe(section));

  // What a link leads to is opened, and so is what belongs on paper.
  const open = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  };
  window.addEventListener("hashchange", open);
  open();
  let unfolded = [];
  window.addEventListener("beforeprint", () => {
    unfolded = all("details[data-print]:not([open])");
    unfolded.forEach((one) => { one.open = true; });
  });
  window.addEventListener("afterprint", () => unfolded.forEach((one) => { one.open = false; }));
})();
