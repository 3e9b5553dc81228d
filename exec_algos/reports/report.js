"use strict";
(() => {
  const page = JSON.parse(document.getElementById("page-data").textContent);
  const root = document.documentElement;
  const drawn = new Set();
  const still = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };

  const themed = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  // "@0" is the colour of a series, "@0light" the same see-through, "@ink" a colour of the page
  const colour = (text) => {
    const series = /^@(\d+)(light)?$/.exec(text);
    if (series) return themed(`--s${series[1]}`) + (series[2] ? "2e" : "");
    return text.startsWith("@") ? themed(`--${text.slice(1)}`) : text;
  };
  const resolved = (value) => {
    if (typeof value === "string") return /^@[a-z0-9]+$/.test(value) ? colour(value) : value;
    if (Array.isArray(value)) return value.length && typeof value[0] === "object" ? value.map(resolved) : value;
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, resolved(part)]));
  };
  const axis = { gridcolor: "@grid", zerolinecolor: "@muted", linecolor: "@line", automargin: true };
  const layout = (own) => {
    const base = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: "@ink" },
      margin: { l: 60, r: 16, t: 34, b: 50 }, hovermode: "closest", legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
      modebar: { bgcolor: "@surface", color: "@muted", activecolor: "@accent" },
      hoverlabel: { bgcolor: "@surface", bordercolor: "@muted", font: { color: "@ink" } },
    };
    const axes = Object.fromEntries(["xaxis", "yaxis", "yaxis2"].filter((name) => name !== "yaxis2" || own.yaxis2)
      .map((name) => [name, { ...axis, ...own[name], ...(own[name]?.title ? { title: { font: { size: 13 }, ...own[name].title } } : {}) }]));
    return resolved({ ...base, ...own, ...axes });
  };
  // on paper a chart is as wide as the narrower of A4 and Letter lets it be: the page is laid out anew only after it was drawn
  let paper = false;
  const sized = (element, own) => (!paper ? { autosize: true, ...own }
    : { ...own, width: 660, height: element.closest(".twocol") ? 240 : own.height });
  const draw = (element) => {
    const { data, layout: own } = page.figures[element.dataset.chart];
    drawn.add(element);
    return Plotly.react(element, resolved(data), layout(sized(element, own)), still);
  };

  const near = new IntersectionObserver((entries) => entries.forEach((entry) => {
    if (!entry.isIntersecting) return;
    near.unobserve(entry.target);
    draw(entry.target);
  }), { rootMargin: "200px" });
  const charts = [...document.querySelectorAll("[data-chart]")];
  charts.filter((element) => !element.closest("details")).forEach((element) => near.observe(element));
  document.querySelectorAll("details").forEach((details) => details.addEventListener("toggle", () => {
    if (details.open) details.querySelectorAll("[data-chart]").forEach((element) => drawn.has(element) || draw(element));
  }));

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const button = document.getElementById("theme");
  const show = (theme) => {
    root.dataset.theme = theme;
    button.textContent = theme === "dark" ? "Light" : "Dark";
    button.setAttribute("aria-label", `Show the page in ${theme === "dark" ? "light" : "dark"} colours`);
    drawn.forEach(draw);
  };
  button.addEventListener("click", () => show(root.dataset.theme === "dark" ? "light" : "dark"));
  dark.addEventListener("change", (change) => show(change.matches ? "dark" : "light"));
  show(dark.matches ? "dark" : "light");

  let before = null;
  addEventListener("beforeprint", () => {
    before = { theme: root.dataset.theme, closed: [...document.querySelectorAll("details:not([open])")] };
    before.closed.forEach((details) => { details.open = true; });
    paper = true;
    show("light");
    charts.forEach((element) => drawn.has(element) || draw(element));
  });
  addEventListener("afterprint", () => {
    if (before === null) return;
    before.closed.forEach((details) => { details.open = false; });
    paper = false;
    show(before.theme);
    before = null;
  });

  const orders = page.orders;
  const holder = document.getElementById("orders-table");
  if (orders === null || holder === null) return;
  const values = orders.map((column) => column.values ?? column.codes.map((code) => column.names[code]));
  const rows = values[0].map((_, row) => Object.fromEntries(values.map((column, place) => [`c${place}`, column[row]])));
  const asText = (text) => {
    const element = document.createElement("span");
    element.textContent = text;
    return element.innerHTML;
  };
  const formats = new Map();
  const format = (digits) => {
    if (!formats.has(digits)) {
      formats.set(digits, new Intl.NumberFormat("en-US", { minimumFractionDigits: Math.min(digits, 3), maximumFractionDigits: digits }));
    }
    return formats.get(digits);
  };
  // ">5", "<-3", "1..5" or a number of a column of numbers; part of the text of others
  const fits = (wanted, value) => {
    const text = wanted.trim();
    const between = /^(-?[\d.]+)\s*\.\.\s*(-?[\d.]+)$/.exec(text);
    const beyond = /^([<>]=?)\s*(-?[\d.]+)$/.exec(text);
    if (value === null) return false;
    if (between) return value >= Number(between[1]) && value <= Number(between[2]);
    if (beyond) {
      const limit = Number(beyond[2]);
      return { ">": value > limit, ">=": value >= limit, "<": value < limit, "<=": value <= limit }[beyond[1]];
    }
    return String(value).startsWith(text);
  };
  const columns = orders.map((column, place) => {
    const text = column.kind === "text";
    return {
      title: asText(column.title), field: `c${place}`, headerFilter: "input", headerFilterPlaceholder: text ? "contains" : "> < ..",
      headerFilterParams: { elementAttributes: { "aria-label": `filter ${column.title}` } },
      sorter: text ? "string" : "number", sorterParams: { alignEmptyValues: "bottom" }, hozAlign: text ? "left" : "right", minWidth: 96,
      frozen: place === 0 && innerWidth > 720,
      ...(text ? {} : {
        headerFilterFunc: fits, formatter: (cell) => (cell.getValue() === null ? "n/a" : format(column.kind).format(cell.getValue())),
      }),
    };
  });
  // Tabulator sorts by mouse alone
  const sortable = (table, column) => {
    const head = column.getElement();
    head.tabIndex = 0;
    head.addEventListener("keydown", (event) => {
      if (event.target !== head || !["Enter", " "].includes(event.key)) return;
      event.preventDefault();
      table.setSort(column, head.getAttribute("aria-sort") === "ascending" ? "desc" : "asc");
    });
  };
  const start = () => {
    const table = new Tabulator(holder, { data: rows, columns, height: "32rem", layout: "fitDataFill", placeholder: "no order fits the filters" });
    const count = document.getElementById("orders-count");
    const say = (many) => { count.textContent = `${many.toLocaleString("en-US")} of ${rows.length.toLocaleString("en-US")} orders`; };
    table.on("tableBuilt", () => {
      say(rows.length);
      table.getColumns().forEach((column) => sortable(table, column));
    });
    table.on("dataFiltered", (_, kept) => say(kept.length));
  };
  const seen = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    seen.disconnect();
    start();
  }, { rootMargin: "600px" });
  seen.observe(holder);
})();
