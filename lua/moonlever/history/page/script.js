/* SPDX-License-Identifier: MIT */
"use strict";
/* Search and filter over the changes. Without it the page shows all of them.
   #q=text&state=failed,conflict in the address is where it begins, and follows what is chosen. */
(function () {
  const form = document.getElementById("filter");
  const search = document.getElementById("search");
  const shown = document.getElementById("shown");
  const table = document.getElementById("list");
  const buttons = Array.from(form.querySelectorAll("button"));
  const changes = Array.from(table.tBodies);
  const states = new Set();
  let texts = null;
  let timer = 0;

  function number(n) {
    return String(n).replace(/\B(?=(\d{3})+$)/g, ",");
  }

  /* What is searched in: read once, when it is first needed. */
  function textOf(at) {
    if (texts === null) texts = changes.map((change) => change.textContent.toLowerCase());
    return texts[at];
  }

  function apply() {
    const words = search.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
    let count = 0;
    changes.forEach((change, at) => {
      const fits = (states.size === 0 || states.has(change.dataset.s))
        && words.every((word) => textOf(at).includes(word));
      if (change.hidden === fits) change.hidden = !fits;
      if (fits) count += 1;
    });
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(states.has(button.dataset.s))));
    const all = number(changes.length);
    shown.textContent = count === changes.length ? "All " + all + " shown" : number(count) + " of " + all + " shown";
  }

  function remember() {
    const parts = new URLSearchParams();
    if (search.value !== "") parts.set("q", search.value);
    if (states.size > 0) parts.set("state", Array.from(states).join(","));
    history.replaceState(null, "", "#" + parts.toString());
  }

  /* A link to a change shows it, whatever is chosen; other links of the page are nothing to us. */
  function follow() {
    const hash = location.hash.slice(1);
    const target = document.getElementById(hash);
    if (target !== null && changes.includes(target)) {
      if (!target.hidden) return;
      states.clear();
      search.value = "";
      apply();
      target.scrollIntoView();
    } else if (/^(q|state)=/.test(hash)) {
      const parts = new URLSearchParams(hash);
      const known = buttons.map((button) => button.dataset.s);
      search.value = parts.get("q") || "";
      states.clear();
      (parts.get("state") || "").split(",").filter((name) => known.includes(name)).forEach((name) => states.add(name));
      apply();
    }
  }

  buttons.forEach((button) => button.addEventListener("click", () => {
    if (!states.delete(button.dataset.s)) states.add(button.dataset.s);
    apply();
    remember();
  }));
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { apply(); remember(); }, 150);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", follow);
  form.hidden = changes.length < 2;
  apply();
  follow();
}());
