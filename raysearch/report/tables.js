"use strict";
/* Tables: a click on a head sorts the rows, numbers as numbers; the field above a table leaves those with all words. */
(() => {
  const value = (row, k) => {
    const text = row.children[k].textContent.trim(), plain = text.replace(/\u2212/g, "-").replace(/,/g, "");
    const found = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?/i.exec(plain);
    return { number: found ? parseFloat(found[0]) : NaN, text, none: text === "" || text === "\u2013" };
  };
  const order = (a, b, down) => {
    if (a.none !== b.none) return a.none ? 1 : -1;
    const both = !isNaN(a.number) && !isNaN(b.number);
    return (both ? a.number - b.number : a.text.localeCompare(b.text)) * (down ? -1 : 1);
  };
  for (const table of document.querySelectorAll("table.sort")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, k) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "head";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((h) => h.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...table.tBodies[0].rows].map((row) => [value(row, k), row]);
        rows.sort((a, b) => order(a[0], b[0], down));
        table.tBodies[0].append(...rows.map((r) => r[1]));
      });
    });
  }
  for (const found of document.querySelectorAll(".found")) {
    const field = found.querySelector(".find"), rows = [...found.querySelectorAll("tbody tr")];
    const count = found.querySelector(".count"), index = found.querySelector("table.index");
    field.parentElement.hidden = false;
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let left = 0;
      for (const row of rows) {
        const kept = words.every((word) => row.textContent.toLowerCase().includes(word));
        row.hidden = !kept;
        left += kept;
        const link = index && row.querySelector("a[href^='#']");
        const article = link && document.getElementById(decodeURIComponent(link.getAttribute("href").slice(1)));
        if (article) article.hidden = !kept;
      }
      count.textContent = words.length ? `${left} of ${rows.length}` : "";
    });
  }
})();
